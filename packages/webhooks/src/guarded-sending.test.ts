import { type AddressPolicy, checkEndpoint, type Resolve } from '@emr-payments/outbound/guard';
import { nameServers } from '@emr-payments/testkit';
import { TEST_CERTIFICATE } from '@emr-payments/testkit/tls';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createAgents } from './agents.ts';
import { type Receiver, startCountingReceiver } from './receiver.fixture.ts';
import { DEADLINE_MS, sendWebhook } from './send.ts';
import { newWebhookSecret } from './signing-secrets.ts';

const PUBLIC = '93.184.215.14';
const NAME = 'hooks.example.test';

/** Sends over TLS to the name, at the port of a receiver on the loopback address. */
function sendTo(receiver: Receiver, deps: { policy: AddressPolicy; resolve: Resolve; deadlineMs?: number }) {
  const policy = { ...deps.policy, ports: [receiver.port] };
  const agents = createAgents({ policy, resolve: deps.resolve, ca: TEST_CERTIFICATE });
  onTestFinished(() => agents.close());
  const { deadlineMs = 5000 } = deps;
  return (url = `https://${NAME}:${receiver.port}/in`) =>
    sendWebhook(
      { policy, agents, deadlineMs },
      { url, id: 'evt_1', body: '{}', secrets: [newWebhookSecret()], now: new Date() },
    );
}

const receiverOverTls = () => startCountingReceiver((response) => response.end('ok'), { tls: true });
const nobody = { allowHosts: [] };
const loopback = { allowHosts: ['127.0.0.1/32'] };

describe('on the connection', () => {
  test('a name that was public when it was checked and is private when it is dialled is refused', async () => {
    const receiver = await receiverOverTls();
    const { resolve, asked } = nameServers([PUBLIC], ['127.0.0.1']);
    const url = `https://${NAME}:${receiver.port}/in`;
    const policy = { ...nobody, ports: [receiver.port] };
    expect(await checkEndpoint({ policy, resolve }, url)).toMatchObject({ ok: true });

    expect(await sendTo(receiver, { policy, resolve })()).toMatchObject({
      outcome: 'failed',
      kind: 'address_refused',
      detail: `${NAME}: 127.0.0.1 is not a public address (loopback)`,
    });
    expect(asked).toEqual([NAME, NAME]);
    expect(receiver.connections.opened).toBe(0);
  });

  test('the address that was checked is the one that is dialled: the name is asked once', async () => {
    const receiver = await receiverOverTls();
    const { resolve, asked } = nameServers(['127.0.0.1'], ['127.0.0.2']);
    expect(await sendTo(receiver, { policy: loopback, resolve })()).toMatchObject({ outcome: 'delivered' });
    expect(asked).toEqual([NAME]);
    expect(receiver.received).toHaveLength(1);
  });

  test('each new connection is checked again', async () => {
    const receiver = await receiverOverTls();
    const { resolve } = nameServers(['127.0.0.1'], ['10.0.0.1']);
    const send = sendTo(receiver, { policy: loopback, resolve });
    expect(await Promise.all([send(), send()])).toMatchObject([
      { outcome: 'delivered' },
      { outcome: 'failed', kind: 'address_refused' },
    ]);
  });

  test.each([
    ['first', ['10.0.0.1', '127.0.0.1']],
    ['last', ['127.0.0.1', '10.0.0.1']],
    ['of the other family', ['127.0.0.1', 'fd00::1']],
    ['mapped', ['127.0.0.1', '::ffff:127.0.0.1']],
  ])('one address that is not allowed is enough: %s', async (_, addresses) => {
    const receiver = await receiverOverTls();
    const { resolve } = nameServers(addresses);
    expect(await sendTo(receiver, { policy: loopback, resolve })()).toMatchObject({
      kind: 'address_refused',
    });
    expect(receiver.connections.opened).toBe(0);
  });

  test('the second address is tried when the first does not listen', async () => {
    const receiver = await receiverOverTls();
    const { resolve } = nameServers(['127.0.0.2', '127.0.0.1']);
    const policy = { allowHosts: ['127.0.0.0/8'] };
    expect(await sendTo(receiver, { policy, resolve })()).toMatchObject({ outcome: 'delivered' });
  });

  test('a literal address, which no socket looks up, is refused too', async () => {
    const receiver = await receiverOverTls();
    const { resolve, asked } = nameServers([PUBLIC]);
    const send = sendTo(receiver, { policy: nobody, resolve });
    expect(await send(receiver.url)).toMatchObject({ outcome: 'failed', kind: 'address_refused' });
    expect(asked).toEqual([]);
    expect(receiver.connections.opened).toBe(0);
  });

  test('the agents refuse a literal address by themselves, over http and https', async () => {
    const receiver = await startCountingReceiver((response) => response.end('ok'));
    const strict = createAgents({ policy: nobody });
    onTestFinished(() => strict.close());
    for (const scheme of ['http', 'https']) {
      const url = `${scheme}://127.0.0.1:${receiver.port}/`;
      const deps = { policy: { allowHosts: ['127.0.0.1'] }, agents: strict };
      const input = { url, id: 'evt_1', body: '{}', secrets: [newWebhookSecret()], now: new Date() };
      expect(await sendWebhook(deps, input)).toMatchObject({
        kind: 'address_refused',
        detail: '127.0.0.1 is not a public address (loopback)',
      });
    }
    expect(receiver.connections.opened).toBe(0);
  });

  test('a vouched name is resolved by the system and may be private', async () => {
    const receiver = await startCountingReceiver((response) => response.end('ok'));
    const { resolve, asked } = nameServers([PUBLIC]);
    const policy = { allowHosts: [`localhost:${receiver.port}`] };
    const url = `http://localhost:${receiver.port}/in`;
    expect(await sendTo(receiver, { policy, resolve })(url)).toMatchObject({ outcome: 'delivered' });
    expect(asked).toEqual([]);
  });

  test('a name that does not resolve: dns', async () => {
    const receiver = await receiverOverTls();
    const resolve: Resolve = async () => {
      throw Object.assign(new Error('queryA ENOTFOUND'), { code: 'ENOTFOUND' });
    };
    expect(await sendTo(receiver, { policy: loopback, resolve })()).toMatchObject({
      outcome: 'failed',
      kind: 'dns',
    });
  });

  test('name servers that do not answer: timeout, at the deadline', async () => {
    const receiver = await receiverOverTls();
    const resolve: Resolve = () => new Promise(() => undefined);
    const outcome = await sendTo(receiver, { policy: loopback, resolve, deadlineMs: 100 })();
    expect(outcome).toMatchObject({ outcome: 'failed', kind: 'timeout' });
    expect(outcome.durationMs).toBeLessThan(DEADLINE_MS);
  });
});
