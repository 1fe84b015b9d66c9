import { type EmrAdapter, isTrouble } from '@emr-payments/emr';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { collectLog } from '../testing/collect-log.ts';
import { sandboxOfFile } from '../testing/sandbox-of-file.ts';
import { type WorkerFixture, workerFixtureOfFile } from '../testing/worker-fixture.ts';

// Ends that the database refuses to record: they are seen, they never make a second posting, and a person gets them.

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

const payment = async () =>
  (await fixture.rows('SELECT status, failure_code, failure_reason FROM payments'))[0];
const events = async () => (await fixture.rows('SELECT type FROM events')).map((row) => row.type);
const attempts = async () =>
  (await fixture.rows('SELECT outcome FROM posting_attempts ORDER BY number')).map((row) => row.outcome);

async function work(times = 1): Promise<void> {
  for (let time = 0; time < times; time += 1) {
    await fixture.passTime();
    await fixture.workOne('post_payment');
  }
}

/** Makes PostgreSQL refuse changes of payments to these states, until the test ends. @returns the function that ends it earlier. */
async function refuse(...states: string[]): Promise<() => Promise<unknown>> {
  const condition = states.map((state) => `NEW.status = '${state}'`).join(' OR ');
  await fixture.rows(`
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE check_violation; END';
    CREATE TRIGGER refuse BEFORE UPDATE ON payments FOR EACH ROW WHEN (${condition}) EXECUTE FUNCTION refuse()`);
  const end = () => fixture.rows('DROP FUNCTION IF EXISTS refuse CASCADE');
  onTestFinished(async () => {
    await end();
  });
  return end;
}

test('a posting that cannot be recorded is found again, and posted once when it can be', async () => {
  await fixture.accept();
  const end = await refuse('posted');
  await work(3);
  expect(await payment()).toMatchObject({ status: 'retrying', failure_code: null });
  expect(await attempts()).toEqual(['unknown']);
  expect(log.of('error').map(({ count }) => count)).toEqual([1, 2, 3]);
  expect(await fixture.rows('SELECT last_code, record_failures FROM jobs')).toEqual([
    { last_code: 'our_fault', record_failures: 3 },
  ]);
  await end();
  await work();
  expect(await payment()).toMatchObject({ status: 'posted' });
  expect(await attempts()).toEqual(['posted']);
  expect(await fixture.ledger()).toHaveLength(1);
});

test('after ten failures in a row a person gets it', async () => {
  await fixture.accept();
  await refuse('posted');
  await work(9);
  expect(await payment()).toMatchObject({ status: 'retrying' });
  await work();
  expect(await payment()).toEqual({
    status: 'needs_review',
    failure_code: 'settlement_failed',
    failure_reason: expect.stringContaining('could not be recorded because of a fault on our side'),
  });
  expect(await events()).toEqual(['payment.review_required']);
  expect(log.of('error')).toHaveLength(10);
  expect(await fixture.deps.metrics.registry.metrics()).toContain(
    'emr_payments_own_faults_total{job="posting"} 10',
  );
  expect(await fixture.ledger()).toHaveLength(1);
});

test('a database that refuses the review too keeps the payment waiting, seen each time', async () => {
  await fixture.accept();
  const end = await refuse('posted', 'needs_review', 'retrying', 'failed');
  await work(12);
  expect(await payment()).toMatchObject({ status: 'posting' });
  expect(await events()).toEqual([]);
  // The end, the review from the tenth time on, and the postponement.
  expect(log.of('error')).toHaveLength(12 + 3 + 12);
  expect(await fixture.rows('SELECT record_failures, queued_at, run_at > now() AS waits FROM jobs')).toEqual([
    { record_failures: 12, queued_at: null, waits: expect.any(Boolean) },
  ]);
  await end();
  await work();
  expect(await payment()).toMatchObject({ status: 'posted' });
  expect(await fixture.ledger()).toHaveLength(1);
});

test('a claim that fails is seen, and put back with a delay instead of being handed out at once', async () => {
  await fixture.accept();
  const end = await refuse('posting');
  await fixture.workOne('post_payment');
  expect(log.of('error')).toHaveLength(1);
  expect(await payment()).toMatchObject({ status: 'accepted' });
  expect(await fixture.rows('SELECT queued_at, last_code FROM jobs')).toEqual([
    { queued_at: null, last_code: 'our_fault' },
  ]);
  await end();
  await work();
  expect(await payment()).toMatchObject({ status: 'posted' });
});

/** Puts a NUL, which no text column takes, into every sentence of the adapter. */
function poison(): () => void {
  const { adapters } = fixture.deps;
  const bad = <T extends object>(outcome: T): T => {
    if (isTrouble(outcome)) return { ...outcome, detail: `${outcome.detail}\u0000` };
    return 'reason' in outcome ? { ...outcome, reason: `${outcome.reason}\u0000` } : outcome;
  };
  fixture.deps.adapters = {
    of(connection): EmrAdapter {
      const adapter = adapters.of(connection);
      return {
        ...adapter,
        resolve: async (names, options) => bad(await adapter.resolve(names, options)),
        post: async (posting, options) => bad(await adapter.post(posting, options)),
      };
    },
  };
  return () => {
    fixture.deps.adapters = adapters;
  };
}

// A trouble's text is refused twice: in the state of the connection too.
test.each<[string, { paymentMethod?: string }, object | null, string[], number]>([
  ['a refused name', { paymentMethod: 'Seashells' }, null, [], 1],
  ['a list that cannot be read', {}, { kind: 'unauthorized' }, [], 2],
  ['a refusal', {}, { kind: 'status', status: 422, match: { method: 'POST' } }, ['refused'], 1],
  ['a lost answer', {}, { kind: 'status', status: 500, match: { method: 'POST' } }, ['unknown'], 2],
])('a text that the database refuses: %s', async (_name, overrides, fault, outcomes, faults) => {
  await fixture.accept(overrides);
  if (fault !== null) await fixture.fault(fault as Record<string, unknown>);
  const end = poison();
  await work();
  expect(await payment()).toMatchObject({ status: 'retrying' });
  expect(await attempts()).toEqual(outcomes);
  expect(log.of('error')).toHaveLength(faults);
  expect(await fixture.rows('SELECT last_code FROM jobs')).toEqual([{ last_code: 'our_fault' }]);
  end();
  await work();
  expect(await fixture.rows(`SELECT count(*)::int FROM jobs WHERE last_code = 'our_fault'`)).toEqual([
    { count: 0 },
  ]);
  expect(await fixture.ledger()).toEqual([]);
});
