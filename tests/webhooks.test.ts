import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PUBLISHED_BODY, type Stack, startStack } from '@emr-payments/stack';
import { openTestDatabase, type TestDatabase } from '@emr-payments/testkit';
import { startReceiver as startTestReceiver } from '@emr-payments/testkit/receiver';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

type Received = { headers: Record<string, string>; body: string };
type Receiver = { url: string; received: Received[]; status: number };
type Reply = { success: boolean; code?: string; data: Record<string, unknown> & { id: string } };

const PATIENCE = { timeout: 30_000, interval: 50 };

let folder: string;
let database: TestDatabase;
let stack: Stack;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'emr-payments-webhooks-'));
  database = await openTestDatabase();
  stack = await startStack({ folder, databaseUrl: database.url, appUrl: database.appUrl });
});

afterAll(async () => {
  await stack?.stop();
  await database?.drop();
  rmSync(folder, { recursive: true, force: true });
});

/** A receiver that answers with its `status`, which a test may change. It is closed at the end of the test. */
async function startReceiver(): Promise<Receiver> {
  const receiver: Receiver = { url: '', received: [], status: 204 };
  const started = await startTestReceiver((response) => response.writeHead(receiver.status).end());
  return Object.assign(receiver, started as Pick<Receiver, 'url' | 'received'>);
}

async function call(method: string, path: string, body?: object): Promise<Reply> {
  const { client_id, client_secret } = stack.demo;
  const answer = await fetch(`${stack.apiUrl}${path}`, {
    method,
    headers: {
      client_id,
      client_secret,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return (await answer.json()) as Reply;
}

async function pay(payment: object = {}): Promise<string> {
  const { client_id, client_secret, access_token } = stack.demo;
  const answer = await fetch(`${stack.apiUrl}/v1/payments`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', client_id, client_secret, access_token },
    body: JSON.stringify({ ...PUBLISHED_BODY, ...payment }),
  });
  return ((await answer.json()) as { payment_id: string }).payment_id;
}

const arrived = (receiver: Receiver, paymentId: string) =>
  vi.waitFor(() => {
    const found = receiver.received.find(({ body }) => body.includes(paymentId));
    if (found === undefined) throw new Error('nothing has arrived yet');
    return found;
  }, PATIENCE);

test('a registered endpoint gets the event types it subscribed to, thin and signed, and can get an event again', async () => {
  const [thin, failures] = [await startReceiver(), await startReceiver()];
  const registered = await call('POST', '/v1/webhooks', { url: thin.url, thin: true });
  await call('POST', '/v1/webhooks', { url: failures.url, event_types: ['payment.failed'] });

  const posted = await pay();
  const refused = await pay({ payment_method: 'Cowries' });
  const message = await arrived(thin, posted);
  const event = new Webhook(String(registered.data.secret)).verify(message.body, message.headers);
  expect(event).toEqual({
    id: message.headers['webhook-id'],
    type: 'payment.created',
    created: expect.any(String),
    payment_id: posted,
    sequence: 1,
  });
  expect(message.body).not.toContain(PUBLISHED_BODY.patient_mrn);
  await arrived(failures, refused);
  expect(failures.received).toHaveLength(1);

  const stored = (await call('GET', `/v1/events?payment_id=${posted}`)).data as unknown as { id: string }[];
  expect(stored).toMatchObject([{ id: message.headers['webhook-id'], data: { payment_id: posted } }]);
  const before = thin.received.length;
  await call('POST', `/v1/events/${stored[0]?.id}/redeliver`, { endpoint_id: registered.data.id });
  await vi.waitFor(() => expect(thin.received.length).toBe(before + 1), PATIENCE);
  expect(thin.received.at(-1)?.headers['webhook-id']).toBe(stored[0]?.id);
});

test('both secrets sign after a rotation', async () => {
  const receiver = await startReceiver();
  const { data } = await call('POST', '/v1/webhooks', { url: receiver.url });
  const rotated = await call('POST', `/v1/webhooks/${data.id}/rotate-secret`, { overlap_seconds: 600 });
  const message = await arrived(receiver, await pay());
  for (const secret of [data.secret, rotated.data.secret]) {
    expect(new Webhook(String(secret)).verify(message.body, message.headers)).toMatchObject({
      object: 'event',
    });
  }
});

test('410 disables, the other endpoint gets the event, and after enabling a recovery brings what was missed', async () => {
  const [gone, other] = [await startReceiver(), await startReceiver()];
  const { data } = await call('POST', '/v1/webhooks', { url: gone.url });
  await call('POST', '/v1/webhooks', { url: other.url, event_types: ['endpoint.disabled'] });
  gone.status = 410;
  const first = await pay();
  await arrived(gone, first);
  const notice = await arrived(other, data.id);
  expect(JSON.parse(notice.body)).toMatchObject({ type: 'endpoint.disabled', data: { code: 'gone' } });
  expect((await call('GET', `/v1/webhooks/${data.id}`)).data).toMatchObject({
    enabled: false,
    disabled_code: 'gone',
  });
  const second = await pay();
  await vi.waitFor(
    async () => expect((await call('GET', `/v1/events?payment_id=${second}`)).data).toHaveLength(1),
    PATIENCE,
  );
  expect(
    (await call('POST', `/v1/webhooks/${data.id}/recover`, { since: '2026-01-01T00:00:00Z' })).code,
  ).toBe('endpoint_disabled');

  gone.status = 200;
  gone.received.length = 0;
  const enabled = await call('PATCH', `/v1/webhooks/${data.id}`, { enabled: true });
  const { since } = enabled.data.recoverable as { since: string };
  const recovery = await call('POST', `/v1/webhooks/${data.id}/recover`, { since });
  expect(recovery.data).toMatchObject({ state: 'running', total: null });
  await Promise.all([arrived(gone, first), arrived(gone, second)]);
  await vi.waitFor(async () => {
    const progress = await call('GET', `/v1/webhooks/${data.id}/recoveries/${recovery.data.id}`);
    // The two payments, and the event of its own disabling.
    expect(progress.data).toMatchObject({ status: 'done', total: 3, delivered: 3, failed: 0 });
  }, PATIENCE);
});

test('an endpoint’s rate limit spreads its deliveries', async () => {
  const receiver = await startReceiver();
  await call('POST', '/v1/webhooks', { url: receiver.url, rate_per_second: 2 });
  const arrivals: number[] = [];
  const payments = await Promise.all(Array.from({ length: 6 }, () => pay()));
  await Promise.all(
    payments.map((payment) => arrived(receiver, payment).then(() => arrivals.push(performance.now()))),
  );
  // Two are sent at once, the other four at two per second.
  expect(Math.max(...arrivals) - Math.min(...arrivals)).toBeGreaterThan(1_000);
});
