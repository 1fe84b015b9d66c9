import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type SandboxProcess, startSandbox } from '@emr-payments/testkit';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { EmrAdapter, FindHints, Posting, PostOptions } from '../../adapter.ts';
import { fhirR5 } from './adapter.ts';

let folder: string;
let sandbox: SandboxProcess;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'emr-adapter-'));
  const env = { SANDBOX_TOKEN: 'sesame', LOG_LEVEL: 'info' };
  sandbox = await startSandbox({ ledgerFile: join(folder, 'ledger.jsonl'), env });
});
afterEach(async () => {
  await control('DELETE', '/sandbox/faults');
  await control('PUT', '/sandbox/capabilities', {
    conditional_create: true,
    search: true,
    books_closed_before: null,
  });
});
afterAll(async () => {
  await sandbox.stop();
  await rm(folder, { recursive: true });
});

async function control(method: string, path: string, body?: object): Promise<Response> {
  const response = await fetch(`${sandbox.baseUrl}${path}`, {
    method,
    headers: {
      authorization: 'Bearer sesame',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return response;
}
const script = (fault: object) => control('POST', '/sandbox/faults', { count: 1, ...fault });

/** What the ledger has of one payment: the independent record that every outcome is held against. */
async function inLedger(paymentId: string): Promise<Record<string, unknown>[]> {
  const { entries } = (await (await control('GET', '/sandbox/ledger')).json()) as {
    entries: Record<string, unknown>[];
  };
  return entries.filter((entry) => entry.payment_id === paymentId);
}

let users = 0;
function open(settings: Record<string, unknown> = {}, token = 'sesame'): EmrAdapter {
  users += 1;
  return fhirR5.open({
    userId: users,
    adapter: 'fhir-r5',
    baseUrl: sandbox.fhirUrl,
    credentials: { bearer_token: token },
    settings,
    timeZone: 'America/New_York',
  });
}

const options = (overrides: Partial<PostOptions> = {}): PostOptions => ({
  signal: new AbortController().signal,
  mayStillSend: () => true,
  ...overrides,
});

const payment = (overrides: Partial<Posting> = {}): Posting => ({
  paymentId: randomBytes(16).toString('hex'),
  emrPatientId: 'pat-1001',
  amount: '350.10',
  referenceNumber: '#123456',
  notes: 'Patient copay collected at front desk',
  depositDate: '2026-06-15',
  method: { id: 'urn:emr-payments:payment-method|CARD', name: 'Card' },
  location: { id: 'loc-main', name: 'Main Street Clinic' },
  ...overrides,
});

const hintsOf = (posting: Posting): FindHints => ({ ...posting, sentAt: null });

test('a posting carries every field of ours', async () => {
  const adapter = open();
  const names = await adapter.resolve({ paymentMethod: ' caRD ', location: '1404' }, options());
  if (names.outcome !== 'resolved') throw new Error(names.outcome);
  const posting = payment({ method: names.method, location: names.location });
  const result = await adapter.post(posting, options());
  expect(await inLedger(posting.paymentId)).toEqual([
    {
      seq: expect.any(Number),
      emr_transaction_id: result.outcome === 'posted' ? result.emrTransactionId : null,
      payment_id: posting.paymentId,
      received_at: expect.any(String),
      patient_id: 'pat-1001',
      patient_mrn: 'MRN-12345',
      amount: 350.1,
      payment_method: 'Card',
      reference_number: '#123456',
      location: '1404',
      location_name: 'Main Street Clinic',
      notes: 'Patient copay collected at front desk',
      deposit_date: '2026-06-15',
    },
  ]);
});

test('the same payment sent again makes no second entry and names the first', async () => {
  const adapter = open();
  const posting = payment();
  const results = await Promise.all(Array.from({ length: 20 }, () => adapter.post(posting, options())));
  const [entry] = await inLedger(posting.paymentId);
  expect(new Set(results.map((result) => JSON.stringify(result)))).toEqual(
    new Set([JSON.stringify({ outcome: 'posted', emrTransactionId: entry?.emr_transaction_id })]),
  );
  expect(await inLedger(posting.paymentId)).toHaveLength(1);
});

test.each([
  ['reset', { kind: 'reset' }, 'connection_reset', 0],
  ['no answer', { kind: 'hang' }, 'timeout', 0],
  ['500', { kind: 'status', status: 500 }, 'emr_error', 0],
  ['a redirect', { kind: 'status', status: 302 }, 'redirected', 0],
  ['a reset after the commit', { kind: 'commit_then_reset' }, 'connection_reset', 1],
  ['no answer after the commit', { kind: 'commit_then_hang' }, 'timeout', 1],
  ['500 after the commit', { kind: 'commit_then_500', status: 503 }, 'emr_error', 1],
])('%s is unknown, and the look-up tells what happened', async (_name, fault, code, entries) => {
  await script(fault);
  const adapter = open({ timeout_ms: 400 });
  const posting = payment();
  expect(await adapter.post(posting, options())).toMatchObject({ outcome: 'unknown', code });
  const ledger = await inLedger(posting.paymentId);
  expect(ledger).toHaveLength(entries);
  expect(await adapter.find?.(hintsOf(posting), options())).toEqual(
    entries === 0
      ? { outcome: 'absent' }
      : { outcome: 'found', emrTransactionId: ledger[0]?.emr_transaction_id },
  );
});

test('an EMR that was slow posts all the same, after the look-up said absent: what settleMs is for', async () => {
  await script({ kind: 'latency', latency_ms: 600, match: { method: 'POST' } });
  const adapter = open({ timeout_ms: 200 });
  const posting = payment();
  expect(await adapter.post(posting, options())).toMatchObject({ outcome: 'unknown', code: 'timeout' });
  expect(await adapter.find?.(hintsOf(posting), options())).toEqual({ outcome: 'absent' });
  await expect.poll(async () => (await inLedger(posting.paymentId)).length, { timeout: 5000 }).toBe(1);
});

test('429 was not sent, and says when to come again', async () => {
  await script({ kind: 'too_many_requests', retry_after_seconds: 7 });
  const posting = payment();
  expect(await open().post(posting, options())).toEqual({
    outcome: 'not_sent',
    code: 'rate_limited',
    detail: 'The EMR asked us to slow down (HTTP 429).',
    retryAfterMs: 7000,
  });
  expect(await inLedger(posting.paymentId)).toEqual([]);
});

test('wrong credentials were not sent, and neither answer holds the token', async () => {
  const adapter = open({}, 'wrong-token');
  const results = [
    await adapter.post(payment(), options()),
    await adapter.resolve({ paymentMethod: 'Card', location: '1404' }, options()),
    await adapter.find?.(hintsOf(payment()), options()),
  ];
  expect(results.map((result) => result?.outcome)).toEqual(['not_sent', 'not_sent', 'unavailable']);
  expect(JSON.stringify(results)).not.toContain('wrong-token');
});

test.each([
  [
    { emrPatientId: 'pat-9' },
    'unknown_patient',
    'The EMR refused the payment: The patient is not known here.',
  ],
  [
    { depositDate: '2019-12-31' },
    'closed_period',
    'The EMR refused the payment: The books are closed before 2020-01-01: a payment cannot be dated 2019-12-31.',
  ],
  [
    { location: { id: 'gone', name: 'Gone' } },
    'unknown_location',
    'The EMR refused the payment: The location is not known here.',
  ],
  [
    { method: { id: 'urn:emr-payments:payment-method|GOLD', name: 'Gold' } },
    'unknown_payment_method',
    'The EMR refused the payment: The payment method is not one of this practice.',
  ],
])('%j is refused as %s', async (overrides, code, reason) => {
  await control('PUT', '/sandbox/capabilities', { books_closed_before: '2020-01-01' });
  const posting = payment(overrides);
  expect(await open().post(posting, options())).toEqual({ outcome: 'refused', code, reason });
  expect(await inLedger(posting.paymentId)).toEqual([]);
});

test('a gate that is shut once the connection stands leaves no entry', async () => {
  const adapter = open();
  const posting = payment();
  let asked = 0;
  const mayStillSend = () => {
    asked += 1;
    return false;
  };
  expect(await adapter.post(posting, options({ mayStillSend }))).toMatchObject({
    outcome: 'not_sent',
    code: 'claim_lost',
  });
  expect(asked).toBe(1);
  expect(await inLedger(posting.paymentId)).toEqual([]);
  expect(await adapter.post(posting, options())).toMatchObject({ outcome: 'posted' });
});

test('an abort while the EMR is at work is unknown', async () => {
  await script({ kind: 'commit_then_hang' });
  const controller = new AbortController();
  const posting = payment();
  const call = open().post(posting, options({ signal: controller.signal }));
  await expect.poll(async () => (await inLedger(posting.paymentId)).length).toBe(1);
  controller.abort();
  expect(await call).toMatchObject({ outcome: 'unknown', code: 'aborted' });
});

test('an EMR without conditional create makes two entries; the look-up names the earlier', async () => {
  await control('PUT', '/sandbox/capabilities', { conditional_create: false });
  const adapter = open({ conditional_create: false });
  const posting = payment();
  const first = await adapter.post(posting, options());
  await adapter.post(posting, options());
  expect(await inLedger(posting.paymentId)).toHaveLength(2);
  expect(await adapter.find?.(hintsOf(posting), options())).toEqual({
    outcome: 'found',
    emrTransactionId: first.outcome === 'posted' ? first.emrTransactionId : null,
  });
  await control('PUT', '/sandbox/capabilities', { conditional_create: true });
  expect(await open().post(posting, options())).toMatchObject({
    outcome: 'unknown',
    code: 'several_matches',
  });
});

test('an EMR that cannot search is unavailable, never absent', async () => {
  await control('PUT', '/sandbox/capabilities', { search: false });
  expect(await open().find?.(hintsOf(payment()), options())).toMatchObject({ outcome: 'unavailable' });
});

test('a method and a location that were added in the EMR a moment ago are found', async () => {
  const adapter = open();
  const names = { paymentMethod: 'Crypto Voucher', location: '2001' };
  expect(await adapter.resolve(names, options())).toMatchObject({
    outcome: 'refused',
    code: 'unknown_payment_method',
    reason: expect.stringContaining('It has: Card, Cash, Check, Patient Portal'),
  });
  const list = (await (await control('GET', '/fhir/CodeSystem/payment-methods')).json()) as {
    concept: object[];
  };
  await control('PUT', '/fhir/CodeSystem/payment-methods', {
    ...list,
    concept: [...list.concept, { code: 'CV', display: 'Crypto  Voucher' }],
  });
  await control('PUT', '/fhir/Location/loc-2001', {
    resourceType: 'Location',
    id: 'loc-2001',
    name: 'Annex',
    identifier: [{ value: '2001' }],
  });
  await expect
    .poll(async () => (await adapter.resolve(names, options())).outcome, { timeout: 10_000 })
    .toBe('resolved');
});

test('an aborted resolve was not sent', async () => {
  const names = { paymentMethod: 'Card', location: '1404' };
  expect(await open().resolve(names, options({ signal: AbortSignal.abort() }))).toMatchObject({
    outcome: 'not_sent',
    code: 'aborted',
  });
});
