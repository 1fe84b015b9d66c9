import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { inTransaction } from '../core/transaction.ts';
import { type OpenPast, openPast, partitionName } from '../testing/open-past.ts';
import { dropEventPartitions } from './drop-event-partitions.ts';
import { makePartitions } from './make-partitions.ts';

let past: OpenPast;
beforeEach(async () => {
  past = await openPast();
});
afterEach(() => past.close());

const drop = (days: number) => dropEventPartitions(past, { days });
const namesOf = (days: number) =>
  ['events', 'deliveries', 'delivery_attempts'].map((table) => partitionName(table, days));
const BEFORE = ['events_before', 'deliveries_before', 'delivery_attempts_before'];

async function rows(): Promise<Record<string, number>> {
  const { rows: counted } = await past.session.query(`
    SELECT (SELECT count(*)::int FROM payments) AS payments, (SELECT count(*)::int FROM posting_attempts) AS attempts,
           (SELECT count(*)::int FROM events) AS events, (SELECT count(*)::int FROM deliveries) AS deliveries,
           (SELECT count(*)::int FROM delivery_attempts) AS tries`);
  return counted[0];
}

test('the three partitions of a range are dropped together when all of it is past the retention, oldest first', async () => {
  for (const days of [450, 350, 250, 1]) await past.write(days, { count: 3 });
  expect(await drop(199)).toEqual(BEFORE);
  expect(await drop(199)).toEqual(namesOf(400));
  // This range ended 200 days ago, at midnight: its last event is older than 199 days and one.
  expect(await drop(200)).toEqual([]);
  expect(await drop(199)).toEqual(namesOf(300));
  expect(await drop(199)).toEqual([]);
  expect(await rows()).toEqual({ payments: 12, attempts: 12, events: 3, deliveries: 3, tries: 3 });
  expect((await past.partitionsOf('payments')).length).toBe(5);
});

test('a range with a pending delivery, or with a job, stays whole, and the next one goes', async () => {
  await past.write(450, { delivery: 'pending' });
  const [delivered] = await past.write(350);
  if (delivered === undefined) throw new Error('nothing was written');
  await past.session.query(
    `INSERT INTO jobs (kind, lane_id, event_id, delivery_id) SELECT 'deliver_webhook', 1, event_id, id FROM deliveries WHERE event_id = $1`,
    [delivered.eventId],
  );
  await past.write(250);
  expect(await drop(100)).toEqual(namesOf(300));
  expect(await drop(100)).toEqual([]);
  await past.session.query(`UPDATE deliveries SET status = 'delivered'; DELETE FROM jobs`);
  expect(await drop(100)).toEqual(BEFORE);
  expect(await drop(100)).toEqual(namesOf(400));
});

test.each([3, 0, -1, 3_651])('nothing is dropped for a retention of %d days', async (days) => {
  await expect(drop(days)).rejects.toMatchObject({ code: '22023' });
});

test('a table that is in use is waited for in short turns, and nothing waits behind for long', async () => {
  const inUse = inTransaction(past, async (tx) => {
    await tx.database.pool.query('SELECT FROM events LIMIT 1');
    const until = performance.now() + 1_500;
    await vi.waitUntil(
      async () => {
        await past.database.pool.query('SELECT FROM events LIMIT 1');
        return performance.now() > until;
      },
      { timeout: 10_000, interval: 5 },
    );
    return { commit: true, value: 'all were read' };
  });
  const dropped = drop(350);
  // This transaction waits for those reads: behind a turn without an end they would be stopped by their own limit of five seconds.
  expect(await inUse).toBe('all were read');
  expect(await dropped).toEqual(BEFORE);
});

test('while another process makes or drops partitions, it leaves it to that', async () => {
  await past.session.query(`BEGIN; SELECT pg_advisory_xact_lock(x'70617274'::int)`);
  expect(await drop(100)).toEqual([]);
  await past.session.query('ROLLBACK');
  expect(await drop(100)).toEqual(BEFORE);
});

test('while the partitions end before now none is dropped, and they are made from the last one on', async () => {
  await past.session.query(`
    DO $$ DECLARE name text; BEGIN
      FOR name IN SELECT r.name FROM partition_ranges() r WHERE r.upto > now() - interval '150 days' LOOP
        EXECUTE format('DROP TABLE %I', name);
      END LOOP;
    END $$`);
  expect(await drop(4)).toEqual([]);
  await makePartitions(past, { widthDays: 100, aheadDays: 14 });
  expect(await drop(199)).toEqual(BEFORE);
});
