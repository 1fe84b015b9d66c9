import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type SandboxProcess, startSandbox } from '@emr-payments/testkit';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { EmrAdapter } from '../../adapter.ts';
import { foundAs, sending } from '../../conformance/rule.ts';
import { localAdapterDeps } from '../../local-deps.ts';
import type { FindHints, Posting } from '../../posting.ts';
import { fhirR5 } from './adapter.ts';

// The rules for every adapter are tested in conformance.test.ts. These tests are about FHIR and the sandbox's own faults.

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

/** The ledger's entries of one payment: the independent record with which every outcome is compared. */
async function inLedger(paymentId: string): Promise<Record<string, unknown>[]> {
  const { entries } = (await (await control('GET', '/sandbox/ledger')).json()) as {
    entries: Record<string, unknown>[];
  };
  return entries.filter((entry) => entry.payment_id === paymentId);
}

function open(settings: Record<string, unknown> = {}): EmrAdapter {
  return fhirR5.open(
    {
      userId: 1,
      adapter: 'fhir-r5',
      baseUrl: sandbox.fhirUrl,
      credentials: { bearer_token: 'sesame' },
      settings,
      timeZone: 'America/New_York',
    },
    localAdapterDeps(),
  );
}

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
const hintsOf = (posting: Posting): FindHints => ({ ...posting, sentAt: null, leftBy: null });

test('a posting is a PaymentReconciliation with every field of ours', async () => {
  const posting = payment();
  const result = await open().post(posting, sending());
  if (result.outcome !== 'posted') throw new Error(result.outcome);
  const stored = await control('GET', `/fhir/PaymentReconciliation/${result.emrTransactionId}`);
  expect(await stored.json()).toMatchObject({
    resourceType: 'PaymentReconciliation',
    identifier: [{ system: 'urn:emr-payments:payment-id', value: posting.paymentId }],
    type: {
      coding: [{ system: 'http://terminology.hl7.org/CodeSystem/payment-type', code: 'payment' }],
    },
    status: 'active',
    created: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    paymentIssuer: { reference: 'Patient/pat-1001' },
    method: {
      coding: [{ system: 'urn:emr-payments:payment-method', code: 'CARD', display: 'Card' }],
      text: 'Card',
    },
    referenceNumber: '#123456',
    location: { reference: 'Location/loc-main' },
    date: '2026-06-15',
    amount: { value: 350.1, currency: 'USD' },
    processNote: [{ type: 'display', text: 'Patient copay collected at front desk' }],
  });
});

test.each([
  ['reset', { kind: 'reset' }, 'connection_reset', 0],
  ['no answer', { kind: 'hang' }, 'timeout', 0],
  ['500', { kind: 'status', status: 500 }, 'emr_error', 0],
  ['a redirect', { kind: 'status', status: 302 }, 'redirected', 0],
  ['a reset after the commit', { kind: 'commit_then_reset' }, 'connection_reset', 1],
  ['no answer after the commit', { kind: 'commit_then_hang' }, 'timeout', 1],
  ['500 after the commit', { kind: 'commit_then_500', status: 503 }, 'emr_error', 1],
])(
  '%s from the sandbox is unknown, and the look-up shows what happened',
  async (_name, fault, code, entries) => {
    await script(fault);
    const adapter = open({ timeout_ms: code === 'timeout' ? 1_500 : 20_000 });
    const posting = payment();
    expect(await adapter.post(posting, sending())).toMatchObject({ outcome: 'unknown', code });
    const ledger = await inLedger(posting.paymentId);
    expect(ledger).toHaveLength(entries);
    expect(await open().find?.(hintsOf(posting), sending())).toEqual(
      entries === 0 ? { outcome: 'absent' } : foundAs(String(ledger[0]?.emr_transaction_id), '350.10'),
    );
  },
);

test('a slow EMR may create the entry after the look-up found nothing: the reason for settleMs', async () => {
  await script({ kind: 'latency', latency_ms: 4_000, match: { method: 'POST' } });
  const adapter = open({ timeout_ms: 1_000 });
  const posting = payment();
  expect(await adapter.post(posting, sending())).toMatchObject({ outcome: 'unknown', code: 'timeout' });
  expect(await adapter.find?.(hintsOf(posting), sending())).toEqual({ outcome: 'absent' });
  await expect.poll(async () => (await inLedger(posting.paymentId)).length, { timeout: 20_000 }).toBe(1);
});

test('429 is not_sent, in words and with its delay', async () => {
  await script({ kind: 'too_many_requests', retry_after_seconds: 7 });
  const posting = payment();
  expect(await open().post(posting, sending())).toMatchObject({
    outcome: 'not_sent',
    code: 'rate_limited',
    detail: 'The EMR asked us to slow down (HTTP 429).',
    retryAfterMs: 7000,
  });
  expect(await inLedger(posting.paymentId)).toEqual([]);
});

test.each([
  [{ emrPatientId: 'pat-9' }, 'The patient is not known here.'],
  [
    { depositDate: '2019-12-31' },
    'The books are closed before 2020-01-01: a payment cannot be dated 2019-12-31.',
  ],
  [{ location: { id: 'gone', name: 'Gone' } }, 'The location is not known here.'],
  [
    { method: { id: 'urn:emr-payments:payment-method|GOLD', name: 'Gold' } },
    'The payment method is not one of this practice.',
  ],
])("%j is refused in our words, with the OperationOutcome's text apart", async (overrides, emrText) => {
  await control('PUT', '/sandbox/capabilities', { books_closed_before: '2020-01-01' });
  const outcome = await open().post(payment(overrides), sending());
  expect(outcome).toMatchObject({ outcome: 'refused', emrText });
  expect(outcome).toHaveProperty('reason', expect.not.stringContaining(emrText));
});

test('several entries with our key make a conditional create unknown', async () => {
  await control('PUT', '/sandbox/capabilities', { conditional_create: false });
  const adapter = open({ conditional_create: false });
  const posting = payment();
  await adapter.post(posting, sending());
  await adapter.post(posting, sending());
  expect(await inLedger(posting.paymentId)).toHaveLength(2);
  await control('PUT', '/sandbox/capabilities', { conditional_create: true });
  expect(await open().post(posting, sending())).toMatchObject({
    outcome: 'unknown',
    code: 'several_matches',
  });
});

test('an EMR that cannot search is unavailable, never absent', async () => {
  await control('PUT', '/sandbox/capabilities', { search: false });
  expect(await open().find?.(hintsOf(payment()), sending())).toMatchObject({ outcome: 'unavailable' });
});

test('a method and a location that were added in the EMR a moment ago are found', async () => {
  const adapter = open();
  const names = { paymentMethod: 'Crypto Voucher', location: '2001' };
  expect(await adapter.resolve(names, sending())).toMatchObject({
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
    .poll(async () => (await adapter.resolve(names, sending())).outcome, { timeout: 10_000 })
    .toBe('resolved');
});

const placeOf = (credentials: Record<string, string>, settings = {}) =>
  fhirR5.open(
    {
      userId: 1,
      adapter: 'fhir-r5',
      baseUrl: 'https://emr.example/fhir',
      credentials,
      settings,
      timeZone: 'UTC',
    },
    localAdapterDeps(),
  ).place;
const CLIENT = { token_url: 'https://emr.example/token', client_id: 'practice-a', client_secret: 'secret' };
const UNNAMED = 'fhir-r5 https://emr.example/fhir urn:emr-payments:payment-id';

test('another client is another place, because it may be of another practice; another secret is none', () => {
  const here = placeOf(CLIENT);
  expect(here).not.toContain('practice-a');
  expect(placeOf({ ...CLIENT, client_secret: 'another secret' })).toBe(here);
  expect(placeOf({ ...CLIENT, client_id: 'practice-b' })).not.toBe(here);
  // Realms of one server can have clients of the same name.
  expect(placeOf({ ...CLIENT, token_url: 'https://emr.example/realm-b/token' })).not.toBe(here);
  expect([placeOf({}), placeOf({ bearer_token: 'sesame' })]).toEqual([UNNAMED, UNNAMED]);
});

test('another login is another place only where the operator says that it chooses the practice', () => {
  const login = (refresh_token: string) => ({ ...CLIENT, refresh_token });
  const chooses = { login_chooses_practice: true };
  expect(placeOf(login('a'))).toBe(placeOf(login('b')));
  const here = placeOf(login('a'), chooses);
  expect(placeOf({ ...login('a'), client_secret: 'another secret' }, chooses)).toBe(here);
  expect(placeOf(login('b'), chooses)).not.toBe(here);
  const token = placeOf({ bearer_token: 'sesame' }, chooses);
  expect(token).not.toContain('sesame');
  expect(placeOf({ bearer_token: 'sesam' }, chooses)).not.toBe(token);
  expect(placeOf({}, chooses)).toBe(UNNAMED);
});
