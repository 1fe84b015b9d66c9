import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ApiError,
  type Client,
  type ClientOptions,
  createClient,
  type Listing,
  verify,
} from '@emr-payments/client';
import { PUBLISHED_BODY, type Stack, startStack } from '@emr-payments/stack';
import { openTestDatabase, type TestDatabase } from '@emr-payments/testkit';
import { openRelay, type Relay } from '@emr-payments/testkit/relay';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

// Tests the client against the whole service, through a relay that can drop answers and connections.

const PATIENCE = { timeout: 60_000, interval: 100 };

let folder: string;
let database: TestDatabase;
let stack: Stack;
let relay: Relay;
let client: Client;

function clientWith(options: Partial<ClientOptions> = {}): Client {
  const { client_id, client_secret, access_token } = stack.demo;
  return createClient({
    baseUrl: relay.url,
    clientId: client_id,
    clientSecret: client_secret,
    accessToken: access_token,
    ...options,
  });
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'emr-payments-client-'));
  database = await openTestDatabase();
  stack = await startStack({ folder, databaseUrl: database.url, appUrl: database.appUrl });
  relay = await openRelay(stack.apiUrl);
  client = clientWith();
}, 180_000);

afterAll(async () => {
  await relay?.cut();
  await stack?.stop();
  await database?.drop();
  rmSync(folder, { recursive: true, force: true });
});

async function all<T>(list: Listing<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of list) found.push(item);
  return found;
}

const settled = (paymentId: string, status: string) =>
  vi.waitFor(async () => {
    const payment = await client.payments.get(paymentId);
    expect(payment.status).toBe(status);
    return payment;
  }, PATIENCE);

describe('retries', () => {
  test('a payment whose answers are lost is created once', async () => {
    relay.loseAnswers(2);
    const payment = { ...PUBLISHED_BODY, reference_number: 'lost answers' };
    const { payment_id } = await client.payments.create(payment);
    expect(relay.lost()).toBe(2);
    const made = await all(client.payments.list({ reference_number: 'lost answers' }));
    expect(made.map((each) => each.payment_id)).toEqual([payment_id]);
    await settled(payment_id, 'posted');
    const ledger = await fetch(`${stack.fhirUrl}/PaymentReconciliation?identifier=${payment_id}`);
    expect(await ledger.json()).toMatchObject({ total: 1 });
  });

  test('the caller does not notice a short outage, and gets an error after a longer one', async () => {
    let sends = 0;
    const persistent = clientWith({
      maxRetries: 8,
      fetch: (...send) => {
        sends += 1;
        return fetch(...send);
      },
    });
    await relay.cut();
    const failure = await clientWith({ maxRetries: 0 })
      .payments.create(PUBLISHED_BODY)
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ApiError);
    expect(failure).toMatchObject({ code: 'no_answer', status: null, safeToRetry: true, attempts: 1 });
    const creating = persistent.payments.create({ ...PUBLISHED_BODY, reference_number: 'outage' });
    await vi.waitFor(() => expect(sends).toBeGreaterThan(1), PATIENCE);
    await relay.mend();
    expect(await creating).toMatchObject({ success: true });
    expect(await all(client.payments.list({ reference_number: 'outage' }))).toHaveLength(1);
  });
});

test('a list can be iterated, or fetched page by page', async () => {
  const made: string[] = [];
  for (let n = 0; n < 5; n += 1) {
    const { payment_id } = await client.payments.create({ ...PUBLISHED_BODY, reference_number: 'pages' });
    made.unshift(payment_id);
  }
  const list = client.payments.list({ reference_number: 'pages', limit: 2 });
  expect((await all(list)).map(({ payment_id }) => payment_id)).toEqual(made);

  const first = await list.page();
  expect(first).toMatchObject({ has_more: true, next_cursor: expect.any(String) });
  const cursor = first.next_cursor ?? '';
  const second = await client.payments.list({ reference_number: 'pages', limit: 2, cursor }).page();
  expect([...first.data, ...second.data].map(({ payment_id }) => payment_id)).toEqual(made.slice(0, 4));
  const rest = await all(client.payments.list({ reference_number: 'pages', limit: 2, cursor }));
  expect(rest.map(({ payment_id }) => payment_id)).toEqual(made.slice(2));
});

test('errors are typed and carry the request id', async () => {
  const refused = await client.payments
    .create({ ...PUBLISHED_BODY, patient_mrn: 'MRN-0' })
    .catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(ApiError);
  expect(refused).toMatchObject({
    code: 'patient_not_found',
    status: 404,
    requestId: expect.stringMatching(/./),
    safeToRetry: false,
    attempts: 1,
    message: expect.stringContaining("Patient with MRN 'MRN-0' not found."),
  });
  await expect(clientWith({ clientSecret: 'cs_wrong' }).connection.get()).rejects.toMatchObject({
    code: 'invalid_client',
    status: 401,
  });
  const used = { idempotencyKey: 'used' };
  await client.payments.create(PUBLISHED_BODY, used);
  await expect(client.payments.create({ ...PUBLISHED_BODY, amount: 1 }, used)).rejects.toMatchObject({
    code: 'idempotency_key_reused',
    status: 422,
  });
});

test('a payment from its dry run through a failure to the reconciliation', async () => {
  const day = '2026-06-16';
  const payment = { ...PUBLISHED_BODY, deposit_date: day };
  expect(await client.connection.get()).toMatchObject({ adapter: 'fhir-r5', dropped_fields: [] });
  expect(await client.payments.dryRun(payment)).toMatchObject({
    would_post: true,
    payment_method: { name: 'Card' },
    deposit_date: day,
  });
  const { payment_id, job_id } = await client.payments.create({ ...payment, payment_method: 'Barter' });
  expect((await settled(payment_id, 'failed')).failure?.code).toBe('unknown_payment_method');
  const worklist = await all(client.payments.list({ status: ['failed', 'needs_review'] }));
  expect(worklist.map((each) => each.payment_id)).toEqual([payment_id]);
  await expect(
    client.payments.resolve(payment_id, { outcome: 'not_posted', note: 'Not on the day sheet' }),
  ).rejects.toMatchObject({ code: 'invalid_state', status: 409 });
  await client.payments.retry(payment_id, { payment_method: 'Card' });
  await settled(payment_id, 'posted');
  expect(await client.jobs.get(job_id)).toMatchObject({ payment_id, status: 'posted' });
  expect((await client.reconciliation.get({ date: day })).totals.posted).toEqual({ count: 1, amount: 350 });
  const [header, , total] = (await client.reconciliation.csv({ date: day })).split('\r\n');
  expect(header).toMatch(/^row,date,location,payment_method,accepted_count/);
  expect(total).toBe(`total,${day},,,1,350.00,1,350.00,0,0.00,0,0.00,0,0.00`);
});

test('webhooks: registered, verified, changed, recovered, deleted', async () => {
  // The demo's endpoint has the inbox's plain URL.
  const inbox = `${stack.inboxUrl}/webhooks?second`;
  const { id, secret = '' } = await client.webhooks.create({ url: inbox, description: 'Second' });
  expect(await client.webhooks.get(id)).toMatchObject({ url: inbox, description: 'Second', enabled: true });
  const listed = await all(client.webhooks.list({ limit: 1 }));
  expect(listed.map((endpoint) => endpoint.id)).toEqual([id, stack.demo.endpoint_id]);

  // The inbox does not know this secret yet and refuses the event, so we verify the stored message ourselves.
  const tested = await client.webhooks.test(id);
  expect(tested).toMatchObject({ delivered: false, http_status: 401 });
  const messages = (await (await fetch(`${stack.inboxUrl}/messages`)).json()) as {
    id: string;
    headers: Record<string, string>;
    body: string;
  }[];
  const message = messages.find((each) => each.id === tested.event_id);
  const { body = '', headers = {} } = message ?? {};
  expect(verify({ body, headers, secrets: [secret] })).toMatchObject({ ok: true, id: tested.event_id });
  expect(verify({ body: `${body} `, headers, secrets: [secret] })).toMatchObject({ ok: false });

  const rotated = await client.webhooks.rotateSecret(id, { overlap_seconds: 0 });
  expect(rotated.secret).not.toBe(secret);
  await fetch(`${stack.inboxUrl}/secrets`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ secrets: [rotated.secret, stack.webhookSecret] }),
  });
  expect(await client.webhooks.test(id)).toMatchObject({ delivered: true });

  const since = new Date(Date.now() - 1000).toISOString();
  expect(await client.webhooks.update(id, { enabled: false })).toMatchObject({ enabled: false });
  const { payment_id } = await client.payments.create(PUBLISHED_BODY);
  await settled(payment_id, 'posted');
  expect(await client.webhooks.update(id, { enabled: true })).toMatchObject({ enabled: true });
  const recovery = await client.webhooks.recover(id, { since });
  expect(recovery).toMatchObject({ state: 'running', status: 'running', total: null });
  await vi.waitFor(async () => {
    const ids = { endpointId: id, recoveryId: recovery.id };
    expect(await client.webhooks.recovery(ids)).toMatchObject({ status: 'done', failed: 0 });
  }, PATIENCE);

  const [event] = await all(client.events.list({ payment_id }));
  expect(await client.events.get(event?.id ?? '')).toEqual(event);
  expect(event).toMatchObject({ type: 'payment.created', data: { payment_id } });
  const again = await client.events.redeliver(event?.id ?? '', { endpoint_id: id });
  expect(again.endpoint_ids).toEqual([id]);
  await vi.waitFor(async () => {
    const deliveries = await all(client.webhooks.deliveries(id, { status: 'delivered', limit: 1 }));
    const found = deliveries.find(({ event_id }) => event_id === event?.id);
    expect(found?.attempt_count).toBe(2);
  }, PATIENCE);

  expect(await client.webhooks.delete(id)).toEqual({ id, deleted: true });
  await expect(client.webhooks.get(id)).rejects.toMatchObject({ code: 'endpoint_not_found', status: 404 });
});
