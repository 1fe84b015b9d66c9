import { getEventListeners } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { ResolvedAddress } from '@emr-payments/outbound/guard';
import { TEST_CERTIFICATE } from '@emr-payments/testkit/tls';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createAgents, type WebhookAgents } from './agents.ts';
import { type RawBehaviour, type RawReceiver, startRawReceiver } from './raw-receiver.fixture.ts';
import { type SendInput, type SendOutcome, sendWebhook } from './send.ts';
import { newWebhookSecret } from './signing-secrets.ts';

const HOST = 'hooks.example.test';
const MIB = 1024 * 1024;
const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';
const secret = newWebhookSecret();

type Options = { wire?: string; deadlineMs?: number; idleMs?: number };

/** Starts a bare receiver, and returns it with the way to send to it: plain, or over TLS under the certificate's name. */
async function receiverThat(behaviour: RawBehaviour, options: Options = {}) {
  const { wire = 'plain', deadlineMs = 15_000, idleMs } = options;
  const tls = wire === 'tls';
  const receiver = await startRawReceiver({ ...behaviour, tls });
  const policy = { allowHosts: ['127.0.0.1/32'], ports: [receiver.port] };
  const agents = createAgents({
    policy,
    ca: TEST_CERTIFICATE,
    resolve: async () => [{ address: '127.0.0.1', family: 4 }],
    ...(idleMs === undefined ? {} : { idleMs }),
  });
  onTestFinished(() => agents.close());
  const url = tls ? `https://${HOST}:${receiver.port}/` : `http://127.0.0.1:${receiver.port}/`;
  const send = (change: Partial<SendInput> = {}): Promise<SendOutcome> =>
    sendWebhook(
      { policy, agents, deadlineMs },
      { url, id: 'evt_1', body: '{}', secrets: [secret], now: new Date(), ...change },
    );
  return { receiver, agents, send };
}

const countOf = (sockets: NodeJS.ReadOnlyDict<readonly unknown[]>) =>
  Object.values(sockets).reduce((count, some) => count + (some?.length ?? 0), 0);

/** Sockets in use, kept and waited for, of all agents. */
const held = ({ http, https, unkept }: WebhookAgents) => {
  const all = [http, https, unkept.http, unkept.https];
  const sum = (of: 'sockets' | 'freeSockets' | 'requests') =>
    all.reduce((count, agent) => count + countOf(agent[of]), 0);
  return { used: sum('sockets'), kept: sum('freeSockets'), waiting: sum('requests') };
};

/** Resets a connection (RST): of one with TLS, the TCP connection below it. */
const reset = (socket: Socket) => ((socket as { _parent?: Socket })._parent ?? socket).resetAndDestroy();

describe.each(['plain', 'tls'])('over %s', (wire) => {
  describe('a receiver that closes a kept connection', () => {
    test.each<[string, (socket: Socket) => void]>([
      ['resets it', reset],
      ['closes it', (socket) => socket.destroy()],
      ['ends it', (socket) => socket.end()],
    ])('and %s when the next request arrives: it is sent again, and none is kept', async (_name, leave) => {
      const { receiver, agents, send } = await receiverThat(
        {
          onData: (socket, { nth }) => {
            // A request is one piece: its head and its body leave together.
            if (receiver.connections.opened === 1 && nth === 2) leave(socket);
            else socket.write(OK);
          },
        },
        { wire },
      );
      for (let sent = 1; sent <= 4; sent += 1) expect(await send()).toMatchObject({ outcome: 'delivered' });
      expect(receiver.text().match(/POST/g)).toHaveLength(5);
      expect(receiver.text().match(/connection: close/gi)).toHaveLength(3);
      expect(receiver.connections.opened).toBe(4);
      await expect.poll(() => held(agents)).toEqual({ used: 0, kept: 0, waiting: 0 });
    });

    test('after a byte of an answer: reset, and it is sent once', async () => {
      const { receiver, send } = await receiverThat(
        {
          onData: (socket, { nth }) => {
            if (nth === 1) socket.write(OK);
            else socket.write('H', () => socket.destroy());
          },
        },
        { wire },
      );
      expect(await send()).toMatchObject({ outcome: 'delivered' });
      expect(await send()).toMatchObject({ outcome: 'failed', kind: 'reset' });
      expect(receiver.text().match(/POST/g)).toHaveLength(2);
    });

    test('and the new one as well: reset, and it is not sent a third time', async () => {
      const { receiver, send } = await receiverThat(
        {
          onData: (socket, { nth }) => {
            if (receiver.connections.opened === 1 && nth === 1) socket.write(OK);
            else socket.destroy();
          },
        },
        { wire },
      );
      expect(await send()).toMatchObject({ outcome: 'delivered' });
      expect(await send()).toMatchObject({ outcome: 'failed', kind: 'reset' });
      expect(receiver.text().match(/POST/g)).toHaveLength(3);
    });

    test('while it is idle: the next webhook has a new one', async () => {
      const { receiver, agents, send } = await receiverThat({ onData: (socket) => socket.end(OK) }, { wire });
      for (let n = 1; n <= 3; n += 1) {
        expect(await send()).toMatchObject({ outcome: 'delivered' });
        await expect.poll(() => held(agents)).toEqual({ used: 0, kept: 0, waiting: 0 });
        expect(receiver.connections.opened).toBe(n);
      }
    });
  });

  test('a receiver may take longer than an idle connection is kept', async () => {
    const idleMs = 50;
    const { receiver, agents, send } = await receiverThat(
      { onData: (socket) => setTimeout(() => socket.write(OK), 6 * idleMs) },
      { wire, idleMs },
    );
    expect(await send()).toMatchObject({ outcome: 'delivered' });
    // And an idle one is closed by us, before the receiver does.
    await expect.poll(() => receiver.connections).toEqual({ opened: 1, closed: 1 });
    expect(held(agents)).toEqual({ used: 0, kept: 0, waiting: 0 });
  });

  test.each([413, 200])(
    'a %i before the request has left decides, and its connection is closed',
    async (status) => {
      const { receiver, agents, send } = await receiverThat(
        { onConnection: (socket) => socket.write(`HTTP/1.1 ${status} Early\r\ncontent-length: 2\r\n\r\nno`) },
        { wire },
      );
      const outcome = await send({ body: Buffer.alloc(32 * MIB) });
      expect(outcome).toMatchObject({ httpStatus: status, excerpt: 'no' });
      expect(outcome.outcome).toBe(status === 200 ? 'delivered' : 'failed');
      await expect.poll(() => held(agents)).toEqual({ used: 0, kept: 0, waiting: 0 });
      expect(receiver.connections.opened).toBe(1);
    },
  );

  test('an early answer and then a reset is a failure of one kind or the other', async () => {
    const { agents, send } = await receiverThat(
      {
        onData: (socket) => {
          socket.write('HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno', () => reset(socket));
        },
      },
      { wire },
    );
    const outcome = await send({ body: Buffer.alloc(32 * MIB) });
    // A reset may overtake the answer: the kernel then throws away what we have not read.
    expect(outcome.outcome === 'failed' && outcome.kind).toMatch(/^(http_status|reset)$/);
    await expect.poll(() => held(agents)).toEqual({ used: 0, kept: 0, waiting: 0 });
  });

  test('a receiver that never reads is given up at the deadline', async () => {
    const { receiver, agents, send } = await receiverThat({}, { wire, deadlineMs: 200 });
    expect(await send({ body: Buffer.alloc(32 * MIB) })).toMatchObject({
      outcome: 'failed',
      kind: 'timeout',
    });
    expect(held(agents).kept).toBe(0);
    await expect.poll(() => held(agents).used).toBe(0);
    expect(receiver.connections.opened).toBe(1);
  });

  test('a receiver that ends its side alone: our side is closed too', async () => {
    const { receiver, send } = await receiverThat(
      { onData: (socket) => socket.end('HTTP/1.1 200 OK\r\n\r\nall of it') },
      { wire },
    );
    expect(await send()).toMatchObject({ outcome: 'delivered', excerpt: 'all of it' });
    await expect.poll(() => receiver.connections).toEqual({ opened: 1, closed: 1 });
  });
});

test('within the bound on idle connections, the one that has been idle longest makes room', async () => {
  const sockets: Socket[] = [];
  const [first, second, third] = await Promise.all(
    [1, 2, 3].map(() =>
      startRawReceiver({
        onConnection: (socket) => void sockets.push(socket),
        onData: (socket) => socket.write(OK),
      }),
    ),
  );
  const policy = { allowHosts: ['127.0.0.1'] };
  const agents = createAgents({ policy, maxFreeSockets: 2 });
  onTestFinished(() => agents.close());
  const sendTo = async (...receivers: (RawReceiver | undefined)[]) => {
    for (const receiver of receivers) {
      const url = `http://127.0.0.1:${receiver?.port}/`;
      const input = { url, id: 'evt_1', body: '{}', secrets: [secret], now: new Date() };
      expect(await sendWebhook({ policy, agents }, input)).toMatchObject({ outcome: 'delivered' });
    }
    await expect.poll(() => held(agents).used).toBe(0);
  };
  const kept = () => Object.keys(agents.http.freeSockets).map((name) => Number(name.split(':')[1]));
  // Used again and again, a connection counts once.
  await sendTo(first, first, second, second, first);
  expect(kept()).toEqual([second?.port, first?.port]);
  await sendTo(third);
  await expect.poll(kept).toEqual([first?.port, third?.port]);
  // One that the receiver closes makes room, too.
  sockets[0]?.destroy();
  await expect.poll(kept).toEqual([third?.port]);
  await sendTo(second);
  expect(kept()).toEqual([third?.port, second?.port]);
  expect(sockets).toHaveLength(4);
});

test('a look-up that ends after its attempt was canceled opens no connection', async () => {
  const receiver = await startRawReceiver({ onData: (socket) => socket.write(OK) });
  const found = Promise.withResolvers<ResolvedAddress[]>();
  const policy = { allowHosts: ['127.0.0.1/32'], ports: [receiver.port] };
  const agents = createAgents({ policy, resolve: () => found.promise });
  onTestFinished(() => agents.close());
  const controller = new AbortController();
  const { signal } = controller;
  const url = `https://${HOST}:${receiver.port}/`;
  const sending = sendWebhook(
    { policy, agents },
    { url, id: 'evt_1', body: '{}', secrets: [secret], now: new Date(), signal },
  );
  controller.abort();
  expect(await sending).toMatchObject({ kind: 'canceled' });
  await expect.poll(() => held(agents)).toEqual({ used: 0, kept: 0, waiting: 0 });
  found.resolve([{ address: '127.0.0.1', family: 4 }]);
  // A connection that is opened later is accepted later.
  connect(receiver.port, '127.0.0.1').on('error', () => undefined);
  await expect.poll(() => receiver.connections.opened).toBe(1);
});

describe('a thousand requests leave nothing behind', () => {
  const answer = (text: string) => (socket: Socket) => void socket.write(text);
  /** How each kind of exchange ends, and whether its connection may be kept. */
  const KINDS: [string, { onData: (socket: Socket) => void; keeps: boolean; deadlineMs?: number }][] = [
    ['200 with a body', { onData: answer(OK), keeps: true }],
    ['204', { onData: answer('HTTP/1.1 204 No\r\n\r\n'), keeps: true }],
    ['500', { onData: answer('HTTP/1.1 500 No\r\ncontent-length: 2\r\n\r\nno'), keeps: true }],
    ['interim answers', { onData: answer(`HTTP/1.1 102 Wait\r\n\r\n${OK}`), keeps: true }],
    [
      'a closing answer',
      {
        onData: (socket) => void socket.end('HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nok'),
        keeps: false,
      },
    ],
    ['205', { onData: answer('HTTP/1.1 205 Reset\r\n\r\n'), keeps: false }],
    ['101', { onData: answer('HTTP/1.1 101 Go\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'), keeps: false }],
    ['bytes after the answer', { onData: answer(`${OK}more`), keeps: false }],
    [
      'an answer beyond the bound',
      { onData: answer(`HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(70_000)}`), keeps: false },
    ],
    ['no HTTP', { onData: answer('SSH-2.0-x\r\n'), keeps: false }],
    [
      'a broken answer',
      {
        onData: (socket) => void socket.end('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf'),
        keeps: false,
      },
    ],
    ['a reset', { onData: (socket) => void socket.resetAndDestroy(), keeps: false }],
    ['the end of the connection', { onData: (socket) => void socket.end(), keeps: false }],
    ['silence to the deadline', { onData: () => undefined, keeps: false, deadlineMs: 5 }],
  ];
  const REQUESTS = 1000;
  const AT_ONCE = 25;

  async function sendAll(one: () => Promise<unknown>): Promise<void> {
    let left = REQUESTS;
    const sender = async () => {
      while (left-- > 0) await one();
    };
    await Promise.all(Array.from({ length: AT_ONCE }, sender));
  }

  /** Fails the test for Node's warning about too many listeners on one emitter. */
  function watchListeners(): string[] {
    const warnings: string[] = [];
    const keep = (warning: Error) => void warnings.push(warning.message);
    process.on('warning', keep);
    onTestFinished(() => void process.off('warning', keep));
    return warnings;
  }

  test.each(KINDS)('%s', async (_name, { onData, keeps, deadlineMs = 15_000 }) => {
    const warnings = watchListeners();
    const { agents, send, receiver } = await receiverThat({ onData }, { deadlineMs });
    const controllers: AbortController[] = [];
    await sendAll(() => {
      const controller = new AbortController();
      controllers.push(controller);
      return send({ signal: controller.signal });
    });
    await expect.poll(() => held(agents).used).toBe(0);
    const { kept, waiting } = held(agents);
    expect(waiting).toBe(0);
    expect(kept).toBeGreaterThanOrEqual(keeps ? 1 : 0);
    expect(kept).toBeLessThanOrEqual(keeps ? AT_ONCE : 0);
    if (keeps) expect(receiver.connections.opened).toBe(kept);
    else expect(receiver.connections.opened).toBeGreaterThan(AT_ONCE);
    for (const { signal } of controllers) expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    for (const sockets of Object.values(agents.http.freeSockets)) {
      for (const socket of sockets ?? []) expect(socket.eventNames().length).toBeLessThan(12);
    }
    expect(warnings).toEqual([]);
  });

  test.each(['at once', 'when it has arrived'])('canceled %s', async (when) => {
    const waiting: (() => void)[] = [];
    const { agents, send } = await receiverThat({ onData: () => waiting.shift()?.() });
    await sendAll(() => {
      const controller = new AbortController();
      const sending = send({ signal: controller.signal });
      if (when === 'at once') controller.abort();
      else waiting.push(() => controller.abort());
      return sending;
    });
    await expect.poll(() => held(agents)).toEqual({ used: 0, kept: 0, waiting: 0 });
  });
});
