import { sentence } from '@emr-payments/contracts';
import { feedJobs } from '@emr-payments/db';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { sandboxOfFile } from '../testing/sandbox-of-file.ts';
import { type WorkerFixture, workerFixtureOfFile } from '../testing/worker-fixture.ts';
import { runPosting } from './post-payment.ts';

const emr = sandboxOfFile();
const openWorkerFixture = workerFixtureOfFile();
let fixture: WorkerFixture;
afterEach(() => fixture.close());

const payment = async () =>
  (await fixture.rows('SELECT status, failure_code, failure_reason FROM payments'))[0];
const attempts = async () =>
  (await fixture.rows('SELECT outcome FROM posting_attempts ORDER BY number')).map((row) => row.outcome);
const events = async () => (await fixture.rows('SELECT type FROM events')).map((row) => row.type);
const post = { resource: 'PaymentReconciliation', method: 'POST' };

test('a payment is posted; case and blanks in the method do not matter', async () => {
  fixture = await openWorkerFixture({ sandbox: emr() });
  await fixture.accept({ paymentMethod: '  cARD ' });
  await fixture.workOne('post_payment');
  expect(await payment()).toMatchObject({ status: 'posted' });
  expect(await attempts()).toEqual(['posted']);
  expect(await events()).toEqual(['payment.created']);
  expect((await fixture.ledger()).length).toBe(1);
});

test('an entry that the queue hands over twice in one turn, beside others, is posted once', async () => {
  fixture = await openWorkerFixture({ sandbox: emr() });
  for (let n = 0; n < 3; n += 1) await fixture.accept();
  const due = await feedJobs(fixture, 100);
  expect(due.length).toBe(3);
  const entries = due.map(({ id, fence }) => ({ job: id, fence }));
  await Promise.all([...entries, ...entries].map((entry) => runPosting(fixture.deps, entry)));
  expect((await fixture.ledger()).length).toBe(3);
  expect(await attempts()).toEqual(['posted', 'posted', 'posted']);
  expect(await events()).toEqual(Array(3).fill('payment.created'));
});

test('a request that is ready before sent_at is committed waits for that; one whose attempt is not begun never leaves', async () => {
  fixture = await openWorkerFixture({ sandbox: emr() });
  const { deps } = fixture;
  const adapters: typeof deps.adapters = {
    ...deps.adapters,
    of(connection) {
      const adapter = deps.adapters.of(connection);
      return {
        ...adapter,
        post(posting, options) {
          const mayStillSend = () => {
            asked.resolve();
            return options.mayStillSend();
          };
          return adapter.post(posting, { ...options, mayStillSend });
        },
      };
    },
  };
  let asked = Promise.withResolvers<void>();
  const ends: boolean[] = [];
  for (const begins of [true, false]) {
    asked = Promise.withResolvers<void>();
    await fixture.accept();
    const beginAttempt: typeof deps.steps.beginAttempt = async (...given) => {
      // The request is ready: it has its connection, and its gate has been asked.
      await asked.promise;
      ends.push((await fixture.ledger()).length === ends.length);
      return begins && deps.steps.beginAttempt(...given);
    };
    const [job] = await feedJobs(fixture, 100).then((due) =>
      due.filter(({ kind }) => kind === 'post_payment'),
    );
    const entry = { job: job?.id ?? '', fence: job?.fence ?? -1 };
    await runPosting({ ...deps, adapters, steps: { ...deps.steps, beginAttempt } }, entry);
  }
  expect(ends).toEqual([true, true]);
  expect((await fixture.ledger()).length).toBe(1);
  expect(
    (await fixture.rows('SELECT status FROM payments ORDER BY job_id')).map(({ status }) => status),
  ).toEqual(['posted', 'posting']);
  expect(await attempts()).toEqual(['posted']);
});

test('an unknown method or location fails with a reason that lists what the EMR has', async () => {
  fixture = await openWorkerFixture({ sandbox: emr() });
  await fixture.accept({ paymentMethod: 'Seashells' });
  await fixture.workOne('post_payment');
  expect(await payment()).toMatchObject({ status: 'failed', failure_code: 'unknown_payment_method' });
  expect((await payment())?.failure_reason).toMatch(/Seashells.*Card/s);
  expect(await events()).toEqual(['payment.failed']);

  await fixture.accept({ location: '9999' });
  await fixture.workOne('post_payment');
  const [row] = await fixture.rows(
    "SELECT failure_code, failure_reason FROM payments WHERE location = '9999'",
  );
  expect(row?.failure_code).toBe('unknown_location');
  expect(row?.failure_reason).toMatch(/1404/);
  expect(await fixture.ledger()).toEqual([]);
});

/** The time that a test waits for an answer that never comes. */
const NO_ANSWER = { timeout_ms: 1_500 };

const lost = ['commit_then_hang', 'commit_then_reset', 'commit_then_500'];
const capabilities = [
  { name: 'conditional-create', settings: {} },
  { name: 'lookup', settings: { conditional_create: false } },
  { name: 'conditional-create without search', settings: { search: false } },
];

for (const { name, settings } of capabilities) {
  for (const kind of lost) {
    test(`${name}: the answer is lost (${kind}), and the payment is found, not posted twice`, async () => {
      fixture = await openWorkerFixture({
        sandbox: emr(),
        settings: { ...settings, ...(kind === 'commit_then_hang' ? NO_ANSWER : {}) },
      });
      await fixture.accept();
      await fixture.fault({ kind, count: 1 });
      await fixture.workOne('post_payment');
      expect(await payment()).toMatchObject({ status: 'retrying' });
      expect(await attempts()).toEqual(['unknown']);
      expect(await events()).toEqual([]);

      await fixture.passTime();
      await fixture.workOne('post_payment');
      expect(await payment()).toMatchObject({ status: 'posted' });
      expect((await fixture.ledger()).length).toBe(1);
      expect((await attempts())[0]).toBe('posted');
    });
  }
}

test('lookup: a payment known to be absent is sent again, but only after the settle time of the EMR', async () => {
  fixture = await openWorkerFixture({
    sandbox: emr(),
    settings: { conditional_create: false, settle_ms: 600_000 },
  });
  await fixture.accept();
  await fixture.fault({ kind: 'reset', count: 1, match: post });
  await fixture.workOne('post_payment');
  await fixture.passTime();
  await fixture.workOne('post_payment');
  expect(await payment()).toMatchObject({ status: 'retrying' });
  expect(await attempts()).toEqual(['unknown']);

  await fixture.rows("UPDATE posting_attempts SET finished_at = finished_at - interval '1 hour' RETURNING 1");
  await fixture.passTime();
  await fixture.workOne('post_payment');
  expect(await payment()).toMatchObject({ status: 'posted' });
  expect(await attempts()).toEqual(['absent', 'posted']);
  expect((await fixture.ledger()).length).toBe(1);
});

test('none: an unknown outcome needs a review and is never sent again', async () => {
  fixture = await openWorkerFixture({
    sandbox: emr(),
    settings: { conditional_create: false, search: false, ...NO_ANSWER },
  });
  await fixture.accept();
  await fixture.fault({ kind: 'commit_then_hang', count: 1 });
  await fixture.workOne('post_payment');
  expect(await payment()).toMatchObject({ status: 'needs_review', failure_code: 'outcome_unknown' });
  expect(await events()).toEqual(['payment.review_required']);
  await fixture.passTime();
  expect(await fixture.workOne('post_payment')).toBe(false);
  expect((await fixture.ledger()).length).toBe(1);
});

test('a crash after sent_at: the next holder asks the EMR first', async () => {
  fixture = await openWorkerFixture({ sandbox: emr(), settings: { conditional_create: false } });
  const paymentId = await fixture.accept();
  await fixture.rows(
    `INSERT INTO posting_attempts (payment_id, number, sent_at) VALUES ('${paymentId}', 0, now() - interval '1 minute') RETURNING 1`,
  );
  await fixture.fault({
    kind: 'status',
    status: 503,
    match: { resource: 'PaymentReconciliation', method: 'GET' },
  });
  await fixture.workOne('post_payment');
  expect(await payment()).toMatchObject({ status: 'retrying' });
  expect(await fixture.ledger()).toEqual([]);
});

test('429 puts off the payment, and its whole connection, for at least the Retry-After', async () => {
  fixture = await openWorkerFixture({ sandbox: emr() });
  await fixture.accept();
  await fixture.accept();
  await fixture.fault({ kind: 'too_many_requests', retry_after_seconds: 120, count: 1, match: post });
  await fixture.workOne('post_payment');
  const [lane] = await fixture.rows(
    'SELECT failures, open_until > now() + interval $$119 s$$ AS paused FROM lanes ORDER BY id LIMIT 1',
  );
  expect(lane).toEqual({ failures: 0, paused: true });
  expect(await attempts()).toEqual(['not_sent']);
});

test('a refusal by the EMR fails the payment with its reason', async () => {
  fixture = await openWorkerFixture({ sandbox: emr() });
  await fixture.accept();
  await fixture.fault({ kind: 'status', status: 422, count: 1, match: post });
  await fixture.workOne('post_payment');
  expect(await payment()).toMatchObject({ status: 'failed', failure_code: 'emr_refused' });
  expect(await attempts()).toEqual(['refused']);
});

test('the horizon: after one last try a payment known to be absent fails, and one in doubt needs a review', async () => {
  fixture = await openWorkerFixture({
    sandbox: emr(),
    horizonMs: 1,
    settings: { conditional_create: false },
  });
  await fixture.accept();
  await fixture.workOne('post_payment');
  expect(await payment()).toMatchObject({ status: 'posted' });

  await fixture.fault({ kind: 'too_many_requests' });
  await fixture.accept({ paymentMethod: 'Cash' });
  await fixture.workOne('post_payment');
  const doubtful = await fixture.accept({ paymentMethod: 'Check' });
  await fixture.rows(
    `INSERT INTO posting_attempts (payment_id, number, sent_at) VALUES ('${doubtful}', 0, now()) RETURNING 1`,
  );
  await fixture.passTime();
  await fixture.workOne('post_payment');
  expect(
    await fixture.rows(
      "SELECT payment_method, status, failure_code FROM payments WHERE payment_method <> 'Card' ORDER BY payment_method",
    ),
  ).toEqual([
    { payment_method: 'Cash', status: 'failed', failure_code: 'retries_exhausted' },
    { payment_method: 'Check', status: 'needs_review', failure_code: 'outcome_unknown' },
  ]);
});

test('a limit of requests that is used up ends no payment at its horizon: the EMR was not asked', async () => {
  fixture = await openWorkerFixture({ sandbox: emr(), horizonMs: -1 });
  await fixture.accept();
  const { adapters } = fixture.deps;
  const detail = sentence`The limit of requests is used up.`;
  fixture.deps.adapters = {
    ...adapters,
    of: (connection) => ({
      ...adapters.of(connection),
      resolve: async () => ({ outcome: 'not_sent', code: 'limit_used_up', detail, retryAfterMs: 700 }),
    }),
  };
  await fixture.workOne('post_payment');
  expect(await payment()).toMatchObject({ status: 'retrying' });
  fixture.deps.adapters = adapters;
  await fixture.passTime();
  await fixture.workOne('post_payment');
  expect(await payment()).toMatchObject({ status: 'posted' });
});

describe('after an outage of the service that was longer than the horizon', () => {
  const HOURS = 3_600_000;
  const ago = (time: string) =>
    fixture.rows(
      `WITH old AS (UPDATE payments SET created_at = created_at - interval '${time}', tried_since = tried_since - interval '${time}')
       UPDATE jobs SET run_at = run_at - interval '${time}' RETURNING 1`,
    );

  test('the first failure begins the horizon again, whether the payment was tried before or not', async () => {
    fixture = await openWorkerFixture({ sandbox: emr(), horizonMs: 24 * HOURS });
    await fixture.accept();
    await fixture.fault({ kind: 'too_many_requests', count: 2, match: post });
    await ago('30 days');
    for (const tries of [1, 2]) {
      await fixture.workOne('post_payment');
      expect(await payment()).toMatchObject({ status: 'retrying' });
      expect(
        await fixture.rows(
          `SELECT tries, tried_since > now() - interval '1 minute' AS begun FROM jobs, payments`,
        ),
      ).toEqual([{ tries, begun: true }]);
      await fixture.passTime();
      await ago('2 days');
    }
    await fixture.workOne('post_payment');
    expect(await payment()).toMatchObject({ status: 'posted' });
  });

  test('the horizon does not begin again for time in which the EMR was failing, nor for what was tried for its whole length', async () => {
    fixture = await openWorkerFixture({ sandbox: emr(), horizonMs: 24 * HOURS });
    await fixture.fault({ kind: 'status', status: 503 });
    await fixture.accept();
    await fixture.workOne('post_payment');
    await fixture.passTime();
    await ago('2 days');
    await fixture.rows(
      `UPDATE connection_states SET failing_since = failing_since - interval '3 days' RETURNING 1`,
    );
    await fixture.workOne('post_payment');
    expect(await payment()).toMatchObject({ status: 'failed', failure_code: 'retries_exhausted' });
    await fixture.rows(`UPDATE connection_states SET failing_since = NULL RETURNING 1`);

    const second = await fixture.accept();
    await fixture.rows(`UPDATE payments SET tried_since = tried_since - interval '25 hours' RETURNING 1`);
    await fixture.passTime();
    await ago('2 hours');
    await fixture.workOne('post_payment');
    expect(await fixture.rows(`SELECT status, failure_code FROM payments WHERE id = '${second}'`)).toEqual([
      { status: 'failed', failure_code: 'retries_exhausted' },
    ]);
  });
});

test('a claim is given up when its end is recorded: what is noted afterwards, however slowly, does not look like a lost claim', async () => {
  fixture = await openWorkerFixture({ sandbox: emr() });
  await fixture.accept();
  await fixture.fault({ kind: 'too_many_requests', retry_after_seconds: 120, count: 1, match: post });
  const { deps } = fixture;
  let isHeld: boolean | undefined;
  const release = vi.fn();
  const leases: typeof deps.leases = {
    ...deps.leases,
    hold: (claim, claimedAt) =>
      Object.create(deps.leases.hold(claim, claimedAt), { release: { value: release } }),
  };
  const health: typeof deps.health = {
    ...deps.health,
    async note(input) {
      isHeld = release.mock.calls.length === 0;
      return deps.health.note(input);
    },
  };
  const [due] = await feedJobs(fixture, 1);
  if (due === undefined) throw new Error('no job is due');
  await runPosting({ ...deps, leases, health }, { job: due.id, fence: due.fence });
  expect(await payment()).toMatchObject({ status: 'retrying' });
  expect(isHeld).toBe(false);
});
