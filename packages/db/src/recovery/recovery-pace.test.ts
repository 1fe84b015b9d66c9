import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { inTransaction } from '../core/transaction.ts';
import { feedJobs } from '../jobs/feed-jobs.ts';
import { claimTurn } from './claim-turn.ts';
import { openRecoveries } from './recovery.fixture.ts';
import { searchMissed } from './search-missed.ts';

let it: Awaited<ReturnType<typeof openRecoveries>>;
beforeAll(async () => {
  it = await openRecoveries();
});
afterEach(async () => {
  await it.rows(`TRUNCATE jobs; UPDATE recoveries SET state = 'done' WHERE state = 'running'`);
});
afterAll(() => it.close());

describe('its pace', () => {
  /** The due jobs that wait in the endpoint's lane, and the pace of the recovery. */
  const laneNow = async (recovery: { id: string }) => {
    const [row] = await it.rows<{ pace: number; overdue: number }>(
      `SELECT r.pace, count(*) FILTER (WHERE j.queued_at IS NULL AND j.run_at <= now())::int AS overdue
         FROM recoveries r JOIN webhook_endpoints e ON e.id = r.endpoint_id LEFT JOIN jobs j ON j.lane_id = e.lane_id
        WHERE r.id = $1 GROUP BY r.id`,
      [recovery.id],
    );
    if (row === undefined) throw new Error('the recovery is gone');
    return row;
  };

  /**
   * Lets a quarter of a second pass for an endpoint that answers so many deliveries in that time, and takes the turns that are due.
   *
   * @param input.ends deliveries that end; at most 10 are under way, or as many as end.
   * @param input.leewayMs also feeds what comes due in this time: the machine may take it for these statements.
   */
  const quarter = async ({ ends, leewayMs = 0 }: { ends: number; leewayMs?: number }) => {
    await it.rows(
      `UPDATE jobs SET run_at = run_at - interval '250 ms' WHERE queued_at IS NULL;
       UPDATE recoveries SET next_slot = next_slot - interval '250 ms', next_turn_at = next_turn_at - interval '250 ms'`,
    );
    await it.rows(
      `WITH fed AS (
         UPDATE jobs SET queued_at = now(), lease_until = now() + interval '1 minute' WHERE id IN (
           SELECT id FROM jobs WHERE queued_at IS NULL AND run_at <= now() + interval '${leewayMs} ms' ORDER BY run_at, id
            LIMIT greatest($1, 10) - (SELECT count(*) FROM jobs WHERE queued_at IS NOT NULL)) RETURNING id)
       SELECT count(*) FROM fed`,
      [ends],
    );
    await it.rows(
      `WITH job AS (
         DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE queued_at IS NOT NULL ORDER BY id LIMIT $1) RETURNING event_id, delivery_id)
       UPDATE deliveries d SET status = 'delivered', finished_at = now() FROM job WHERE d.event_id = job.event_id AND d.id = job.delivery_id`,
      [ends],
    );
    await it.turns();
  };

  test('begins with two deliveries for each that the endpoint may get at once, spread over a fifth of a second', async () => {
    const tenant = await it.tenant();
    const events = await it.events(tenant, { count: 100 });
    const recovery = await it.started(tenant);
    // Not all turns that are due: on a busy machine the next one is as soon as this one has ended.
    expect(await it.turn()).toMatchObject({ queued: 20 });
    const due = await it.rows<{ event_id: string; ms: number }>(
      `SELECT d.event_id, round(extract(epoch FROM j.run_at - min(j.run_at) OVER ()) * 1000)::int AS ms
         FROM jobs j JOIN deliveries d ON d.id = j.delivery_id ORDER BY j.run_at`,
    );
    expect(due.map(({ event_id }) => event_id)).toEqual(events.slice(0, 20));
    expect(due.map(({ ms }) => ms)).toEqual(Array.from({ length: 20 }, (_, n) => n * 10));
    expect(await it.find(recovery)).toMatchObject({ state: 'running', total: null, found: 20, pending: 20 });
  });

  test('grows with an endpoint that keeps up: 10,000 events are due within five seconds', async () => {
    const tenant = await it.tenant();
    await it.events(tenant, { count: 10_000 });
    const recovery = await it.started(tenant);
    await it.turns();
    const paces: number[] = [];
    for (let n = 0; n < 20; n += 1) {
      await quarter({ ends: 5_000, leewayMs: 2_000 });
      paces.push((await laneNow(recovery)).pace);
    }
    // It doubles with each turn. On a slow machine real time passes as well, and there are two turns in one of our quarters.
    const DOUBLED = [200, 400, 800, 1600, 3200, 5000];
    const begin = paces.slice(0, 4);
    expect(begin.every((pace) => DOUBLED.includes(pace))).toBe(true);
    expect(begin.every((pace, n) => pace >= (DOUBLED[n] ?? 0))).toBe(true);
    expect(Math.max(...paces)).toBe(5000);
    expect(await it.find(recovery)).toMatchObject({ total: 10_000, found: 10_000 });
  }, 120_000);

  test('is bounded where many are at work: of ten each gets fifty a second, and not the 1,600 that one has by then', async () => {
    const recoveries: { id: string }[] = [];
    for (let n = 0; n < 10; n += 1) {
      const tenant = await it.tenant();
      await it.events(tenant, { count: 1_000 });
      recoveries.push(await it.started(tenant));
    }
    await it.turns();
    const highest: number[] = [];
    for (let n = 0; n < 8; n += 1) {
      await quarter({ ends: 5_000, leewayMs: 2_000 });
      for (const recovery of recoveries) highest.push((await laneNow(recovery)).pace);
    }
    // One that finds nothing to do for a turn is not counted in it; half of them would get 200.
    expect(Math.max(...highest)).toBeLessThanOrEqual(200);
    expect(highest.filter((pace) => pace <= 50).length).toBeGreaterThan(40);
    await it.rows(`UPDATE recoveries SET state = 'canceled', ended_at = now() WHERE state = 'running'`);
  }, 60_000);

  test('follows an endpoint that takes eight a second: a new event waits for a second’s worth, three at first', async () => {
    const tenant = await it.tenant();
    await it.events(tenant, { count: 1_000 });
    const recovery = await it.started(tenant);
    await it.turns();
    const waiting: number[] = [];
    let from = performance.now();
    let owed = 0;
    for (let n = 0; n < 60; n += 1) {
      // Real time passes too, and the endpoint takes deliveries in it.
      owed += ((250 + performance.now() - from) / 1000) * 8;
      from = performance.now();
      const ends = Math.floor(owed);
      owed -= ends;
      await quarter({ ends });
      waiting.push((await laneNow(recovery)).overdue);
    }
    expect(Math.max(...waiting)).toBeLessThanOrEqual(24);
    expect(waiting.slice(20).reduce((sum, each) => sum + each, 0) / 40).toBeLessThan(8);
    // It is not left idle either.
    expect((await it.find(recovery)).delivered).toBeGreaterThan(60);
  }, 60_000);

  test('makes nothing more due for an endpoint that takes nothing', async () => {
    const tenant = await it.tenant();
    await it.events(tenant, { count: 1_000 });
    await it.started(tenant);
    await it.turns();
    for (let n = 0; n < 40; n += 1) await quarter({ ends: 0 });
    expect(await it.jobs()).toBeLessThanOrEqual(40);
  });

  test('does not grow while the workers are busy, and comes down to 20 a second, not further', async () => {
    const tenant = await it.tenant();
    await it.events(tenant, { count: 5_000 });
    const recovery = await it.started(tenant);
    await it.turns();
    await it.rows('UPDATE recoveries SET pace = 640');
    const other = await it.tenant();
    /** Takes a turn while an entry of another lane has waited so long for a worker. */
    const turnWhile = async (unclaimedMs: number): Promise<number> => {
      // Nothing waits at the endpoint itself, however long the test takes.
      await it.rows('DELETE FROM jobs');
      await it.rows('UPDATE recoveries SET next_turn_at = now()');
      const turn = await claimTurn(it);
      if (turn === null) throw new Error('no turn');
      await inTransaction(it, async (tx) => {
        await tx.database.pool.query(
          `INSERT INTO jobs (kind, lane_id, queued_at)
           SELECT 'deliver_webhook', lane_id, now() - make_interval(secs => $2 / 1000.0) FROM webhook_endpoints WHERE id = $1`,
          [other.endpointId, unclaimedMs],
        );
        return { commit: true, value: await searchMissed(tx, turn) };
      });
      await it.rows(
        `DELETE FROM jobs WHERE lane_id = (SELECT lane_id FROM webhook_endpoints WHERE id = $1)`,
        [other.endpointId],
      );
      return (await laneNow(recovery)).pace;
    };
    expect(await turnWhile(20)).toBe(640);
    const paces: number[] = [];
    for (let n = 0; n < 7; n += 1) paces.push(await turnWhile(100));
    expect(paces).toEqual([320, 160, 80, 40, 20, 20, 20]);
  });

  test.each(['idle', 'crowded', 'late'])(
    'does not come to a halt beside new events of an endpoint that takes them at once, with workers that are %s',
    async (workers) => {
      const tenant = await it.tenant();
      await it.events(tenant, { count: 200 });
      const recovery = await it.started(tenant);
      await it.turns();
      await it.deliver();
      // It was slow. Now there are always 30 of its own deliveries under way, and none waits.
      await it.rows('UPDATE recoveries SET pace = 4');
      await it.rows(
        `INSERT INTO jobs (kind, lane_id, queued_at, lease_until)
         SELECT 'deliver_webhook', e.lane_id, now() - interval '1 second', CASE WHEN $2 THEN NULL ELSE now() + interval '1 hour' END
           FROM webhook_endpoints e, generate_series(1, 30) WHERE e.id = $1`,
        [tenant.endpointId, workers === 'crowded'],
      );
      const before = (await it.find(recovery)).found;
      for (let n = 0; n < 10; n += 1) {
        await it.passTime();
        // The relay was killed: a job of the endpoint's own is due for a second and not fed.
        if (workers === 'late')
          await it.rows(
            `INSERT INTO jobs (kind, lane_id, run_at) SELECT 'deliver_webhook', lane_id, now() - interval '1 second' FROM webhook_endpoints WHERE id = $1`,
            [tenant.endpointId],
          );
        await it.turns();
        await it.rows(
          `WITH job AS (DELETE FROM jobs WHERE queued_at IS NULL RETURNING event_id, delivery_id)
           UPDATE deliveries d SET status = 'delivered', finished_at = now() FROM job WHERE d.event_id = job.event_id AND d.id = job.delivery_id`,
        );
      }
      expect((await it.find(recovery)).found - before).toBeGreaterThanOrEqual(10);
    },
  );

  test('the endpoint’s own rate counts where it is lower, from turn to turn', async () => {
    const tenant = await it.tenant({ ratePerSecond: 0.2 });
    await it.events(tenant, { count: 3 });
    await it.started(tenant);
    await it.turns();
    expect(await it.jobs()).toBe(1);
    await it.rows('TRUNCATE jobs; UPDATE recoveries SET next_turn_at = now()');
    await it.turns();
    // The next slot is five seconds after the first: further ahead than jobs are made due.
    expect(await it.jobs()).toBe(0);
  });

  test('a new event is fed before what the recovery still has to find', async () => {
    const tenant = await it.tenant();
    await it.events(tenant, { count: 2_000 });
    await it.started(tenant);
    await it.turns();
    await it.rows(`UPDATE jobs SET run_at = run_at - interval '3 seconds'`);
    const [live = ''] = await it.events(tenant, { count: 1, from: 5_000 });
    await it.deliveries(tenant.endpointId, { events: [live], status: 'pending' });
    await it.rows(
      `INSERT INTO jobs (kind, lane_id, event_id, delivery_id) SELECT 'deliver_webhook', e.lane_id, d.event_id, d.id
         FROM deliveries d JOIN webhook_endpoints e ON e.id = d.endpoint_id WHERE d.event_id = $1`,
      [live],
    );
    const fed: string[] = [];
    while (!fed.includes(live)) {
      await it.passTime();
      await it.turns();
      const batch = await feedJobs({ database: it.database }, 500);
      expect(batch.length).toBeGreaterThan(0);
      const ids = batch.map(({ id }) => id);
      const ended = await it.rows<{ event_id: string }>(
        `WITH job AS (DELETE FROM jobs WHERE id = ANY ($1) RETURNING delivery_id)
         SELECT d.event_id FROM job JOIN deliveries d ON d.id = job.delivery_id`,
        [ids],
      );
      fed.push(...ended.map(({ event_id }) => event_id));
    }
    expect(fed.length).toBeLessThan(60);
  });

  test('retries that wait for later do not stop it; 5,000 of them do', async () => {
    const tenant = await it.tenant();
    await it.events(tenant, { count: 10 });
    const lane = `(SELECT lane_id FROM webhook_endpoints WHERE id = '${tenant.endpointId}')`;
    const retries = (count: number) =>
      it.rows(`INSERT INTO jobs (kind, lane_id, run_at)
               SELECT 'deliver_webhook', ${lane}, now() + interval '1 hour' FROM generate_series(1, ${count})`);
    await retries(5_000);
    await it.started(tenant);
    await it.turns();
    expect(await it.jobs()).toBe(5_000);
    await it.rows('DELETE FROM jobs WHERE id IN (SELECT id FROM jobs LIMIT 100)');
    await it.passTime();
    await it.turns();
    expect(await it.jobs()).toBe(4_910);
  });

  test('a period without missed events is searched in bounded turns that follow at once', async () => {
    const tenant = await it.tenant();
    const events = await it.events(tenant, { count: 2_500 });
    await it.deliveries(tenant.endpointId, { events, status: 'delivered' });
    const recovery = await it.started(tenant);
    await it.turn();
    expect(await it.find(recovery)).toMatchObject({
      total: null,
      searchedUntil: new Date(Date.parse('2026-02-01T00:00:00Z') + 999_000),
    });
    await it.turns();
    expect(await it.find(recovery)).toMatchObject({ state: 'done', total: 0, found: 0 });
  });
});
