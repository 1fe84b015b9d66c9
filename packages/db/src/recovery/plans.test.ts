import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { inTransaction } from '../core/transaction.ts';
import { claimTurn } from './claim-turn.ts';
import { BEGINNING, COUNT as COUNT_MISSED, countMissed } from './count-missed.ts';
import { readInIndexOrder } from './index-order.ts';
import { openRecoveries, type Tenant } from './recovery.fixture.ts';
import { SEARCH } from './search-missed.ts';

const EVENTS = 100_000;
/** Rows of one INSERT: it must end within the 5 s that our statements have, also on a busy machine. */
const AT_ONCE = 10_000;

let it: Awaited<ReturnType<typeof openRecoveries>>;
/** Nothing was delivered to the first; everything to the second. Each has as many events. */
let missed: Tenant;
let delivered: Tenant;

beforeAll(async () => {
  it = await openRecoveries();
  // Statistics from before the events were written, and of many small clients: the planner believes that each has few.
  for (let n = 0; n < 40; n += 1) {
    const small = await it.tenant();
    const events = await it.events(small, { count: 3 });
    await it.deliveries(small.endpointId, { events, status: 'delivered' });
  }
  const partitions = await it.rows<{ name: string }>(
    `SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent IN ('events'::regclass, 'deliveries'::regclass)`,
  );
  for (const { name } of partitions) await it.rows(`ALTER TABLE ${name} SET (autovacuum_enabled = false)`);
  await it.rows('ANALYZE');
  missed = await it.tenant();
  delivered = await it.tenant();
  for (let from = 0; from < EVENTS; from += AT_ONCE) {
    await it.events(missed, { count: AT_ONCE, from });
    const events = await it.events(delivered, { count: AT_ONCE, from });
    await it.deliveries(delivered.endpointId, { events, status: 'delivered' });
  }
}, 120_000);
afterAll(() => it.close());

type Plan = {
  'Node Type': string;
  'Relation Name'?: string;
  'Shared Hit Blocks': number;
  'Shared Read Blocks': number;
  Plans?: Plan[];
};

/** Runs a statement as it runs in production, on a server whose pruning is right, and takes it back. @returns the buffers of 8 KiB that it touched. */
async function buffersOf({ text, values }: { text: string; values: unknown[] }): Promise<number> {
  return inTransaction(it, async (tx) => {
    await readInIndexOrder(tx);
    await tx.database.pool.query('SET LOCAL enable_partition_pruning = on');
    const { rows } = await tx.database.pool.query(`EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${text}`, values);
    const plan: Plan = rows[0]['QUERY PLAN'][0].Plan;
    return { commit: false, value: plan['Shared Hit Blocks'] + plan['Shared Read Blocks'] };
  });
}

describe.each(['statistics of the time before', 'statistics of now'])('with %s', (which) => {
  beforeAll(async () => {
    if (which === 'statistics of now') await it.rows('ANALYZE');
  });

  test.each([
    ['all of whose events were missed', () => missed],
    ['none of whose events were missed', () => delivered],
  ])('a turn reads little of the events of an endpoint %s', async (_name, tenantOf) => {
    const recovery = await it.started(tenantOf());
    const turn = await claimTurn(it);
    expect(turn).toMatchObject({ recoveryId: recovery.id });
    // It reads 1,000 events at most: their index entries, or a row and a look-up by index for each.
    const values = SEARCH.values(turn ?? { recoveryId: '', turn: 0 });
    expect(await buffersOf({ ...SEARCH, values })).toBeLessThan(6_000);
    // And so it does far behind.
    await it.rows(
      `UPDATE recoveries SET reached_at = timestamptz '2026-02-01' + interval '90000 seconds', reached_id = '' WHERE id = $1`,
      [recovery.id],
    );
    expect(await buffersOf({ ...SEARCH, values })).toBeLessThan(6_000);
    await it.rows(`UPDATE recoveries SET state = 'done' WHERE id = $1`, [recovery.id]);
  });

  test('the count of an answer reads 10,000 events at most, and looks back over 5,000', async () => {
    for (const { endpointId } of [missed, delivered]) {
      const since = new Date('2026-02-01T00:00:00Z');
      const middle = new Date(since.getTime() + 50_000_000);
      expect(
        await buffersOf({ ...COUNT_MISSED, values: COUNT_MISSED.values({ endpointId, since }) }),
      ).toBeLessThan(60_000);
      expect(
        await buffersOf({ ...BEGINNING, values: BEGINNING.values({ endpointId, failingSince: middle }) }),
      ).toBeLessThan(30_000);
    }
  });
});

describe('what an endpoint missed', () => {
  const count = (endpointId: string, failingSince: string) =>
    inTransaction(it, async (tx) => {
      const value = await countMissed(tx, { endpointId, failingSince: new Date(failingSince) });
      const { rows } = await tx.database.pool.query(
        `SELECT current_setting('enable_sort') AS sort, current_setting('statement_timeout') AS timeout`,
      );
      return { commit: true, value: { ...value, ...rows[0] } };
    });

  test('is counted among the first 10,000 events, and the rest of the transaction has its own settings', async () => {
    expect(await count(missed.endpointId, '2026-02-01T00:00:10Z')).toEqual({
      since: new Date('2026-02-01T00:00:10Z'),
      count: 10_000,
      isPart: true,
      sort: 'on',
      timeout: '5s',
    });
    expect(await count(delivered.endpointId, '2026-02-01T00:00:10Z')).toMatchObject({
      count: 0,
      isPart: true,
    });
    expect(await count(delivered.endpointId, '2026-02-02T03:46:00Z')).toMatchObject({
      count: 0,
      isPart: false,
    });
  });

  test('begins with the oldest event that was being tried again, and with a recovery that was canceled', async () => {
    await it.rows(
      `UPDATE deliveries SET status = 'failed', finished_at = '2026-02-02T00:00:00Z'
        WHERE endpoint_id = $1 AND event_id IN (SELECT id FROM events WHERE client_pk = $2
          AND created_at IN ('2026-02-01T22:00:00Z', '2026-02-01T23:30:00Z', '2026-02-02T00:00:01Z'))`,
      [delivered.endpointId, delivered.clientPk],
    );
    expect(await count(delivered.endpointId, '2026-02-01T23:45:00Z')).toMatchObject({
      since: new Date('2026-02-01T23:30:00Z'),
    });
    expect(await count(delivered.endpointId, '2026-02-01T23:10:00Z')).toMatchObject({
      since: new Date('2026-02-01T22:00:00Z'),
      count: 3,
    });
    const recovery = await it.started(delivered, { since: new Date('2026-01-20T00:00:00Z') });
    await it.rows(`UPDATE recoveries SET state = 'canceled', ended_at = now() WHERE id = $1`, [recovery.id]);
    expect(await count(delivered.endpointId, '2026-02-01T23:10:00Z')).toMatchObject({
      since: new Date('2026-01-20T00:00:00Z'),
    });
  });

  test('is left out when the count takes too long, and the transaction goes on', async () => {
    const blocker = await it.database.pool.connect();
    try {
      await blocker.query('BEGIN; LOCK TABLE deliveries IN ACCESS EXCLUSIVE MODE');
      const value = await count(missed.endpointId, '2026-02-01T00:00:10Z');
      expect(value).toEqual({
        since: new Date('2026-02-01T00:00:10Z'),
        count: 0,
        isPart: true,
        sort: 'on',
        timeout: '5s',
      });
    } finally {
      await blocker.query('ROLLBACK');
      blocker.release();
    }
  });
});

test('the usual changes of a delivery’s status write to no index', async () => {
  await it.rows('VACUUM deliveries');
  const { endpointId } = await it.tenant();
  const [{ id: eventId } = { id: '' }] = await it.rows<{ id: string }>('SELECT id FROM events LIMIT 1');
  await it.deliveries(endpointId, { events: [eventId], status: 'pending' });
  const client = await it.database.pool.connect();
  try {
    await client.query('BEGIN');
    const hot = async () =>
      Number(
        (
          await client.query(
            `SELECT sum(pg_stat_get_xact_tuples_hot_updated(inhrelid)) AS n FROM pg_inherits WHERE inhparent = 'deliveries'::regclass`,
          )
        ).rows[0].n,
      );
    const before = await hot();
    for (const status of ['delivered', 'pending', 'delivered'])
      await client.query(`UPDATE deliveries SET status = $1, finished_at = now() WHERE endpoint_id = $2`, [
        status,
        endpointId,
      ]);
    expect((await hot()) - before).toBe(3);
    await client.query('ROLLBACK');
  } finally {
    client.release();
  }
});
