import { expect, onTestFinished, test } from 'vitest';
import { createAcceptor } from '../accept/acceptor.ts';
import { SYSTEM } from '../audit/entry.ts';
import { claimDelivery } from '../delivery/claim-delivery.ts';
import { recordDelivery } from '../delivery/record-delivery.ts';
import { redeliverEvents } from '../delivery/redeliver-event.ts';
import { feedJobs } from '../jobs/feed-jobs.ts';
import { beginAttempt } from '../posting/begin-attempt.ts';
import { claimPosting } from '../posting/claim-posting.ts';
import { settlePayment } from '../posting/settle-payment.ts';
import { openRecoveries } from '../recovery/recovery.fixture.ts';
import { practiceOfFile } from '../testing/practice-of-file.ts';
import { whileChanged } from '../testing/while-changed.ts';
import { PRUNE_SAFELY, prunesFaultily } from './faulty-pruning.ts';

const LEASE_MS = 600_000;

const begin = practiceOfFile();

test.each([
  [170_010, false],
  [180_000, true],
  [180_006, true],
  [180_007, false],
  [190_000, true],
  [190_001, false],
])('%i prunes faultily: %s', (version, faulty) => {
  expect(prunesFaultily(version)).toBe(faulty);
});

test('sessions on a faulty server do not prune, also those of sets', async () => {
  const { database } = await begin();
  const pruning = `SELECT current_setting('server_version_num')::int AS version, current_setting('enable_partition_pruning') AS pruning`;
  for (const pool of [database.pool, database.pools.sets]) {
    const [row] = (await pool.query(pruning)).rows;
    expect(row.pruning).toBe(prunesFaultily(row.version) ? 'off' : 'on');
  }
});

/**
 * The server of the tests overwrites the memory that it frees, so with the fault it crashes here: each statement waits for a row that
 * another transaction is changing, looks at it again, and then looks into partitioned tables.
 */
test('the server survives statements that waited for a changed row', async () => {
  const practice = await begin({ concurrency: 50 });
  const { database, owner, clientPk } = practice;
  const acceptor = createAcceptor(practice);
  for (let n = 0; n < 4; n += 1) await acceptor.accept(practice.input({ referenceNumber: `#${n}` }));
  await owner.pool.query('UPDATE lanes SET failures = 1, concurrency = 50');

  const changed = <T>(work: () => Promise<T>): Promise<T> =>
    whileChanged(
      { pool: owner.pool },
      {
        changes: [
          'UPDATE jobs SET last_code = last_code WHERE id = (SELECT min(id) FROM jobs)',
          'UPDATE lanes SET failures = failures',
        ],
        work,
      },
    );

  const claims = (await feedJobs(practice, 10)).map(({ id, fence }) => ({
    jobId: id,
    fence,
    leaseMs: LEASE_MS,
  }));
  const postings = await changed(() => Promise.all(claims.map((claim) => claimPosting(practice, claim))));
  const begun = await changed(() =>
    Promise.all(
      postings.map((posting) =>
        beginAttempt(practice, {
          claim: posting?.claim ?? { jobId: '0', fence: 0 },
          knownAbsent: false,
          sentTo: 'emr',
        }),
      ),
    ),
  );
  expect(begun).toEqual([true, true, true, true]);
  const settle = (posting: (typeof postings)[number]) =>
    settlePayment(practice, {
      claim: posting?.claim ?? { jobId: '0', fence: 0 },
      round: posting?.payment.round ?? 0,
      clientPk,
      result: { status: 'posted', emrTransactionId: '1' },
      attempt: { outcome: 'posted' },
      event: { id: `evt_${posting?.payment.id}`, type: 'payment.created', body: '{}' },
    });
  // In a set, and alone.
  const [first, ...others] = postings;
  const settled = await changed(() => Promise.all(others.map(settle)));
  settled.push(await changed(() => (first === undefined ? Promise.resolve(false) : settle(first))));
  expect(settled).toEqual([true, true, true, true]);
  expect((await database.pool.query(`SELECT FROM payments WHERE status = 'posted'`)).rowCount).toBe(4);
  expect((await database.pool.query(`SELECT FROM posting_attempts WHERE outcome = 'posted'`)).rowCount).toBe(
    4,
  );

  const notices = await feedJobs(practice, 10);
  const deliveries = await changed(() =>
    Promise.all(
      notices.map(({ id, fence }) => claimDelivery(practice, { jobId: id, fence, leaseMs: LEASE_MS })),
    ),
  );
  const record = (delivery: (typeof deliveries)[number]) =>
    recordDelivery(practice, {
      claim: delivery?.claim ?? { jobId: '0', fence: 0 },
      clientPk,
      attempt: { startedAt: new Date(), durationMs: 5, httpStatus: 200, errorKind: null, excerpt: '' },
      next: { status: 'delivered' },
      disabling: null,
    });
  const [alone, ...together] = deliveries;
  const recorded = await changed(() => Promise.all(together.map(record)));
  recorded.push(await changed(() => record(alone ?? null)));
  expect(recorded.map(({ written }) => written)).toEqual([true, true, true, true]);

  const events = (await database.pool.query<{ id: string }>('SELECT id FROM events ORDER BY id')).rows;
  const inputs = events.map(({ id }) => ({ clientPk, eventId: id, endpointId: null, by: SYSTEM }));
  const again = await whileChanged(
    { pool: owner.pool },
    {
      changes: ['UPDATE deliveries SET status = status'],
      work: () => redeliverEvents(practice, inputs),
    },
  );
  expect(again).toHaveLength(4);
  expect((await database.pool.query(`SELECT FROM deliveries WHERE status = 'pending'`)).rowCount).toBe(4);
});

test('a recovery whose turn waited for a changed row misses nothing', async () => {
  const it = await openRecoveries();
  onTestFinished(() => it.close());
  const tenant = await it.tenant();
  const events = await it.events(tenant, { count: 50 });
  await it.deliveries(tenant.endpointId, { events: events.slice(0, 30), status: 'failed' });
  const recovery = await it.started(tenant);
  const turn = await whileChanged(
    { pool: it.owner },
    { changes: ['UPDATE deliveries SET status = status'], work: () => it.turn() },
  );
  expect(turn?.queued).toBeGreaterThan(0);
  await it.deliver();
  await it.run(recovery);
  expect(await it.rows(`SELECT FROM deliveries WHERE status = 'delivered'`)).toHaveLength(50);
});

test('the condition on the version is one that the server can read', async () => {
  const { database } = await begin();
  await database.pool.query(PRUNE_SAFELY);
});
