import { firstPaymentUuid } from '@emr-payments/contracts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FIND_SHARED_IDS, sharedIdsValues } from '../payments/find-shared-ids.ts';
import { buffersOf } from '../testing/buffers-of.ts';
import { type OpenPractice, openPractice } from '../testing/open-practice.ts';
import { COUNT_REPEATING } from './count-repeating.ts';
import { COUNT_REVIEWS } from './count-reviews.ts';
import { findLateWork, LATE_WORK } from './find-late-work.ts';
import { MEASURE_JOBS, measureJobs } from './measure-jobs.ts';

let practice: OpenPractice;
const LANES = 10;
/** Jobs of each of the two kinds: more than the bound of a count. */
const JOBS = 120_000;
/** They and the jobs take some hundreds and thousands of buffers of 8 KiB. */
const PAYMENTS = 20_000;
const MOST_BUFFERS = 50;
/** Ids of yesterday, as the service gives them. */
const PREFIX = firstPaymentUuid(new Date(Date.now() - 86_400_000)).slice(0, 24);

const run = (sql: string) => practice.owner.pool.query(sql);

beforeAll(async () => {
  practice = await openPractice();
  await run(`INSERT INTO lanes (kind, concurrency) SELECT 'endpoint', 10 FROM generate_series(1, ${LANES})`);
  // The practice's only connection has payments that are due, the endpoints deliveries that are not: each INSERT within the 5 s of a statement.
  for (let half = 0; half < 2; half += 1) {
    await run(`
      INSERT INTO jobs (kind, lane_id, run_at)
      SELECT 'post_payment', ${practice.laneId}, now() - interval '1 hour' + n * interval '1 ms' FROM generate_series(1, ${JOBS / 2}) n`);
    await run(`
      INSERT INTO jobs (kind, lane_id, run_at, event_id, delivery_id)
      SELECT 'deliver_webhook', (SELECT max(id) FROM lanes) - n % ${LANES}, now() + n * interval '1 hour', 'evt_0a', n + ${half * JOBS}
        FROM generate_series(1, ${JOBS / 2}) n`);
  }
  await run(
    `UPDATE jobs SET same_answers = 10 WHERE id IN (SELECT id FROM jobs WHERE kind = 'post_payment' LIMIT 3)`,
  );
  await run(`
    INSERT INTO payments (id, job_id, user_id, patient_mrn, emr_patient_id, payment_method, reference_number, location, amount, deposit_date, status, failure_code)
    SELECT ('${PREFIX}' || lpad(to_hex(n), 12, '0'))::uuid, 1000000 + n, ${practice.userId}, 'MRN', 'p', 'Card', '#' || n, '1', 1, now(),
           CASE WHEN n <= 3 THEN 'needs_review' ELSE 'posted' END::payment_status, CASE WHEN n <= 3 THEN 'outcome_unknown' END
      FROM generate_series(1, ${PAYMENTS}) n`);
  await run(
    `INSERT INTO deliveries (event_id, id, endpoint_id, event_type) SELECT 'evt_0a', 2, id, 'payment.created' FROM webhook_endpoints LIMIT 1`,
  );
  // Without a vacuum: the index does not know yet which rows everybody sees, as in a backlog that has just come.
  await run('ANALYZE');
}, 120_000);
afterAll(() => practice.close());

test('a backlog is counted so far, and its oldest job is found', async () => {
  const { jobs, oldestDue } = await measureJobs(practice);
  expect(jobs.filter(({ count }) => count > 0)).toEqual([
    { kind: 'post_payment', state: 'due', count: 100_000 },
    { kind: 'deliver_webhook', state: 'waiting', count: 100_000 },
  ]);
  const oldest = oldestDue.find(({ kind }) => kind === 'post_payment')?.seconds ?? 0;
  expect(Math.floor(oldest / 60)).toBeGreaterThanOrEqual(59);
});

/** Names the tables that a plan reads from end to end. */
const scannedBy = async (text: string): Promise<string[]> => {
  const { rows } = await run(`EXPLAIN (FORMAT JSON) ${text}`);
  const plans = [
    ...JSON.stringify(rows).matchAll(/"Node Type":"(?:Seq|Bitmap Heap) Scan"[^{}]*?"Relation Name":"(\w+)"/g),
  ];
  return plans.flatMap(([, table]) => (table === undefined ? [] : [table]));
};

test('measuring jobs reads no table of them, in flight or waiting', async () => {
  expect(await scannedBy('SELECT count(*) FROM jobs WHERE tries = 7')).toEqual(['jobs']);
  expect(await scannedBy(MEASURE_JOBS.text)).not.toContain('jobs');
});

test.each([
  ['payments whose answer repeats', COUNT_REPEATING],
  ['payments that wait for a person', COUNT_REVIEWS],
])('counting %s reads a small part of its table', async (_name, statement) => {
  expect(await buffersOf(practice, { ...statement, values: [] })).toBeLessThan(MOST_BUFFERS);
});

test.each(Object.entries(LATE_WORK))(
  'finding the oldest work reads a small part of its table: %s',
  async (_name, statement) => {
    expect(await buffersOf(practice, { ...statement, values: [] })).toBeLessThan(4 * MOST_BUFFERS);
  },
);

test('the oldest work is found in a backlog', async () => {
  const { due, posting, undelivered, review } = await findLateWork(practice);
  expect(due).toMatchObject([{ kind: 'post_payment', owner: practice.publicId }]);
  expect(posting).toBeNull();
  expect(undelivered).toMatchObject({ eventId: 'evt_0a' });
  expect(review).toMatchObject({ owner: practice.publicId, count: 3 });
});

test('comparing the ids of the newest payments reads these payments and no others', async () => {
  const most = 1_000;
  // Each has an entry of the index, and 40 share a page of the table.
  expect(await buffersOf(practice, { ...FIND_SHARED_IDS, values: sharedIdsValues({ most }) })).toBeLessThan(
    150,
  );
});
