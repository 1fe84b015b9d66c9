import { randomBytes } from 'node:crypto';
import { findOwnFaults, openCredentials } from '@emr-payments/db';
import { createAdapters, type EmrAdapter, localAdapterDeps } from '@emr-payments/emr';
import { parseKeyring } from '@emr-payments/runtime';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { collectLog } from '../testing/collect-log.ts';
import { sandboxOfFile } from '../testing/sandbox-of-file.ts';
import { type WorkerFixture, workerFixtureOfFile } from '../testing/worker-fixture.ts';
import { OWN_FAULT_TROUBLE } from './own-fault.ts';

// Configuration, sealing and code errors are never evidence about a payment.

const emr = sandboxOfFile();
const openWorkerFixture = workerFixtureOfFile();
let fixture: WorkerFixture;
let log: ReturnType<typeof collectLog>;
beforeEach(async () => {
  log = collectLog();
  fixture = await openWorkerFixture({ sandbox: emr(), settings: { conditional_create: false } });
  fixture.deps.logger = log.logger;
});
afterEach(() => fixture.close());

const otherKeyring = () => parseKeyring(`other:${randomBytes(32).toString('base64')}`);
const payment = async () =>
  (await fixture.rows('SELECT status, failure_code, failure_reason FROM payments'))[0];
const events = async () => (await fixture.rows('SELECT type FROM events')).map((row) => row.type);

async function work(times = 1): Promise<void> {
  for (let time = 0; time < times; time += 1) {
    await fixture.passTime();
    await fixture.workOne('post_payment');
  }
}

/** Changes how the adapter behaves, as a bug in it would. */
function breakAdapter(change: (adapter: EmrAdapter) => Partial<EmrAdapter>): () => Promise<void> {
  const { adapters } = fixture.deps;
  fixture.deps.adapters = {
    of(connection) {
      const adapter = adapters.of(connection);
      return { ...adapter, ...change(adapter) };
    },
  };
  return async () => {
    fixture.deps.adapters = adapters;
  };
}
const bug = () => {
  throw new TypeError("Cannot read properties of undefined (reading 'JANE DOE')");
};
const changeConnection = (set: string) =>
  fixture.rows(`UPDATE connections SET ${set}, updated_at = now() RETURNING 1`);

type Fault = { name: string; begin(): Promise<() => Promise<unknown>>; reason?: RegExp };
const FAULTS: Fault[] = [
  {
    name: 'a missing key',
    reason: /the key 'test' that sealed connection:\d+ is not in ENCRYPTION_KEYS/,
    async begin() {
      const { adapters } = fixture.deps;
      const keyring = otherKeyring();
      fixture.deps.adapters = createAdapters({
        ...localAdapterDeps(),
        credentialsOf: (sealed) => openCredentials(keyring, sealed),
        refusal: () => null,
      });
      return async () => {
        fixture.deps.adapters = adapters;
      };
    },
  },
  {
    name: 'an adapter that this worker does not know',
    reason: /there is no adapter 'newer-emr'/,
    async begin() {
      await changeConnection(`adapter = 'newer-emr'`);
      return () => changeConnection(`adapter = 'fhir-r5'`);
    },
  },
  {
    name: 'settings that cannot be read',
    reason: /settings: surprise is not known/,
    async begin() {
      await changeConnection(`settings = settings || '{"surprise": 1}'`);
      return () => changeConnection(`settings = settings - 'surprise'`);
    },
  },
  {
    name: 'credentials that were sealed for another row',
    async begin() {
      const [{ credentials } = {}] = await fixture.rows('SELECT credentials FROM connections');
      await changeConnection(`credentials = left(credentials, -22) || repeat('A', 22)`);
      return () => changeConnection(`credentials = '${credentials}'`);
    },
  },
  { name: 'a bug in resolve', begin: async () => breakAdapter(() => ({ resolve: bug })) },
  { name: 'a bug in post, before anything is sent', begin: async () => breakAdapter(() => ({ post: bug })) },
];

test.each(FAULTS)(
  '$name: the payment waits without an end, and is posted once by itself',
  async ({ begin, reason }) => {
    await fixture.accept();
    const end = await begin();
    fixture.deps.horizonMs = -1;
    await work(3);
    expect(await payment()).toEqual({ status: 'retrying', failure_code: null, failure_reason: null });
    expect(await events()).toEqual([]);
    expect(await fixture.ledger()).toEqual([]);
    const [job] = await fixture.rows('SELECT last_code, last_reason, same_answers FROM jobs');
    // All that the integrator reads.
    expect(job).toEqual({ last_code: 'our_fault', last_reason: OWN_FAULT_TROUBLE.detail, same_answers: 3 });
    const lines = log.of('error');
    expect(lines).toHaveLength(3);
    expect(lines[0]).toMatchObject({
      code: 'our_fault',
      adapter: expect.any(String),
      user_id: expect.any(String),
    });
    if (reason !== undefined) expect(lines[0]?.reason).toMatch(reason);
    expect(JSON.stringify(lines.map(({ err: _err, ...line }) => line))).not.toContain('JANE DOE');
    expect(await fixture.deps.metrics.registry.metrics()).toContain(
      'emr_payments_own_faults_total{job="posting"} 3',
    );
    expect(await findOwnFaults(fixture)).toMatchObject([{ userPublicId: expect.any(String), count: 1 }]);
    // It says nothing about the EMR.
    expect(await fixture.rows('SELECT failures FROM lanes ORDER BY id LIMIT 1')).toEqual([{ failures: 0 }]);

    await end();
    fixture.deps.horizonMs = 60_000;
    await work(3);
    expect(await payment()).toMatchObject({ status: 'posted' });
    expect(await fixture.ledger()).toHaveLength(1);
    expect(await findOwnFaults(fixture)).toEqual([]);
  },
);

test.each([
  [
    'after the request was sent',
    () =>
      breakAdapter((adapter) => ({
        post: async (posting, options) => {
          await adapter.post(posting, options);
          return bug();
        },
      })),
  ],
  [
    'in the look-up',
    async () => {
      await fixture.fault({ kind: 'commit_then_500', count: 1 });
      return breakAdapter(() => ({ find: bug }));
    },
  ],
])('a bug %s leaves the send in doubt: the EMR is asked, and there is one entry', async (_name, begin) => {
  await fixture.accept();
  const end = await begin();
  await work(2);
  await end();
  fixture.deps.horizonMs = -1;
  await work();
  expect(await payment()).toMatchObject({ status: 'posted' });
  expect(await fixture.ledger()).toHaveLength(1);
});

test('the horizon begins again after a fault of ours', async () => {
  await fixture.accept();
  await fixture.rows("UPDATE payments SET tried_since = now() - interval '1 hour' RETURNING 1");
  const end = breakAdapter(() => ({ resolve: bug }));
  await work();
  await end();
  await fixture.fault({ kind: 'too_many_requests' });
  await work();
  expect(await payment()).toMatchObject({ status: 'retrying' });
});

test('a submitted payment stays submitted', async () => {
  await fixture.accept();
  await fixture.fault({ kind: 'accept_later', count: 1 });
  await work();
  const end = breakAdapter(() => ({ find: bug }));
  await work();
  expect(await payment()).toMatchObject({ status: 'submitted' });
  await end();
  await work();
  expect(await payment()).toMatchObject({ status: 'submitted' });
  expect(await fixture.ledger()).toEqual([]);
});

test('the same answer ten times in a row is logged and counted once, and again at twenty', async () => {
  await fixture.accept();
  await fixture.fault({ kind: 'status', status: 503 });
  const repeats = () => log.of('warn').map(({ same_answers }) => same_answers);
  await work(9);
  expect(repeats()).toEqual([]);
  await work(12);
  expect(repeats()).toEqual([10, 20]);
  expect(log.of('warn')[0]).toMatchObject({
    payment_id: expect.any(String),
    job_id: expect.anything(),
    user_id: expect.any(String),
    adapter: 'fhir-r5',
    code: 'emr_error',
  });
  const metrics = await fixture.deps.metrics.registry.metrics();
  expect(metrics).toContain('emr_payments_repeated_answers_total{adapter="fhir-r5"} 2');
  expect(metrics).toContain('emr_payments_repeating_payments 1');
  // Any other answer begins the count again.
  await fetch(`${fixture.sandbox.baseUrl}/sandbox/faults`, { method: 'DELETE' });
  await fixture.fault({ kind: 'too_many_requests' });
  await work();
  expect(await fixture.rows('SELECT last_code, same_answers FROM jobs')).toEqual([
    { last_code: 'rate_limited', same_answers: 1 },
  ]);
});

test('time under a login that the EMR rejects does not count against the horizon', async () => {
  const paymentId = await fixture.accept();
  await fixture.fault({ kind: 'unauthorized' });
  fixture.deps.horizonMs = 60_000;
  await fixture.rows("UPDATE payments SET tried_since = now() - interval '1 hour' RETURNING 1");
  await work(3);
  expect(await payment()).toMatchObject({ status: 'retrying' });
  await fetch(`${fixture.sandbox.baseUrl}/sandbox/faults`, { method: 'DELETE' });
  // The first trouble after it is within the horizon again.
  await fixture.fault({ kind: 'too_many_requests', count: 1 });
  await work(1);
  expect(await payment()).toMatchObject({ status: 'retrying' });
  await work(1);
  expect(await payment()).toMatchObject({ status: 'posted' });
  expect(await fixture.ledger()).toEqual([expect.objectContaining({ payment_id: paymentId })]);
});
