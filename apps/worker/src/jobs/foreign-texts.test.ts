import { type ForeignServer, type ForeignWays, openForeignServer } from '@emr-payments/emr/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type WorkerFixture, workerFixtureOfFile } from '../testing/worker-fixture.ts';

// An EMR can write text that PostgreSQL and JSON refuse. No such text keeps a payment from being settled.

let emr: ForeignServer;
const openWorkerFixture = workerFixtureOfFile();
let fixture: WorkerFixture;
beforeEach(async () => {
  emr = await openForeignServer();
  fixture = await openWorkerFixture({ emrUrl: emr.baseUrl, settings: { conditional_create: false } });
});
afterEach(async () => {
  await fixture.close();
  await emr.close();
});

const payment = async () =>
  (await fixture.rows('SELECT status, failure_code, failure_reason, emr_transaction_id FROM payments'))[0];

/** Works until the payment has settled, at most three times; then once more with its horizon over. */
async function work(): Promise<void> {
  for (let round = 0; round < 3; round += 1) {
    await fixture.passTime();
    if (!(await fixture.workOne('post_payment'))) return;
  }
  fixture.deps.horizonMs = -1;
  await fixture.passTime();
  await fixture.workOne('post_payment');
}

/** Everything that was written about the payment is text that everybody can read. */
async function expectReadable(): Promise<void> {
  const rows = await fixture.rows(
    `SELECT body::jsonb #>> '{data,failure_reason}' AS reason FROM events
      UNION ALL SELECT failure_reason FROM payments UNION ALL SELECT detail FROM posting_attempts`,
  );
  for (const { reason } of rows) {
    expect(String(reason).isWellFormed()).toBe(true);
    expect(reason ?? '').not.toMatch(/[\p{Cc}\p{Bidi_Control}]/u);
  }
}

const SYSTEM = 'urn:emr-payments:payment-method';
const METHODS = [
  { system: SYSTEM, code: 'CARD', display: 'Ca\0rd' },
  { system: SYSTEM, code: 'CA\0SH', display: 'Cash' },
  { system: SYSTEM, code: 'CHECK', display: 'Check\ud83d\u2028' },
  { system: SYSTEM, code: 'WIRE', display: '\u202eWire\u202c' },
  { system: SYSTEM, code: 'NONE', display: '\0' },
  { system: SYSTEM, code: 'LONG', display: `${'y'.repeat(58)}😀😀😀` },
];
const LOCATIONS = [
  {
    resourceType: 'Location',
    id: 'loc-main',
    name: 'Main\u0007 Street',
    identifier: [{ value: '14\u000004' }],
  },
];

test('a payment is posted by names with NUL, control characters and halves of characters around them', async () => {
  emr.behave({ methods: METHODS, locations: LOCATIONS });
  for (const paymentMethod of ['Card', 'check', 'WIRE']) {
    await fixture.accept({ paymentMethod });
    await fixture.workOne('post_payment');
  }
  expect(await fixture.rows('SELECT DISTINCT status, failure_reason FROM payments')).toEqual([
    { status: 'posted', failure_reason: null },
  ]);
  expect(emr.entries).toHaveLength(3);
});

test.each(['Gold', 'Cash', `${'x'.repeat(78)}😀😀😀`])(
  'the method %j is refused in words that can be stored',
  async (name) => {
    emr.behave({ methods: METHODS, locations: LOCATIONS });
    await fixture.accept({ paymentMethod: name });
    await work();
    expect(await payment()).toMatchObject({ status: 'failed', failure_code: 'unknown_payment_method' });
    expect((await payment())?.failure_reason).toContain('It has: Card, Check');
    await expectReadable();
    expect(emr.sends()).toBe(0);
  },
);

const EVIL = `No\0 \u001b[2J ${'x'.repeat(240)}${'😀'.repeat(40)} \ud800`;

test.each<[string, ForeignWays['created']]>([
  [
    'a refusal',
    () => ({
      status: 422,
      body: {
        resourceType: 'OperationOutcome',
        issue: [{ severity: 'error', code: 'invalid', diagnostics: EVIL }],
      },
    }),
  ],
])('%s in words that cannot be stored is a refusal', async (_name, created) => {
  emr.behave({ created: created as NonNullable<ForeignWays['created']> });
  await fixture.accept();
  await work();
  expect(await payment()).toMatchObject({ status: 'failed' });
  await expectReadable();
  expect(emr.sends()).toBe(1);
});

test('a 400 that is no resource proves nothing, in words that cannot be stored', async () => {
  emr.behave({ created: (() => ({ status: 400, body: EVIL })) as NonNullable<ForeignWays['created']> });
  await fixture.accept();
  await fixture.workOne('post_payment');
  expect(await payment()).toMatchObject({ status: 'retrying' });
  await expectReadable();
  expect(emr.sends()).toBe(1);
});

test.each([
  ['a NUL in the body', '13\0', true],
  ['half of a character in the body', '13\ud83d', true],
  ['a NUL in Location', '13\0', false],
  ['a line break in Location', '13\n', false],
])('an id with %s is none: it is not stored, and nothing is sent again', async (_name, id, inBody) => {
  emr.behave({
    idOf: () => id,
    created: (plain, entry) => (inBody ? { status: 201, body: { ...entry, id } } : plain),
  });
  await fixture.accept();
  await work();
  expect(emr.sends()).toBe(1);
  expect(emr.entries).toHaveLength(1);
  const { status, emr_transaction_id } = (await payment()) ?? {};
  expect(emr_transaction_id).toBeNull();
  // It is known to somebody: a person, or the schedule of look-ups of an EMR that accepted it.
  expect(['needs_review', 'submitted']).toContain(status);
  await expectReadable();
});
