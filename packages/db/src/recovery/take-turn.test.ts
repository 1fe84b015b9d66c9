import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { inTransaction } from '../core/transaction.ts';
import { recordDelivery } from '../delivery/record-delivery.ts';
import { changeEndpoint, deleteEndpoint } from '../endpoints/change-endpoint.ts';
import { feedJobs } from '../jobs/feed-jobs.ts';
import { disableEndpoint, enableEndpoint } from '../tenants/disable.ts';
import { pruneBatch } from '../upkeep/prune.ts';
import { claimTurn } from './claim-turn.ts';
import { countEnded } from './count-ended.ts';
import { BY, openRecoveries, type Tenant } from './recovery.fixture.ts';
import { searchMissed } from './search-missed.ts';

let it: Awaited<ReturnType<typeof openRecoveries>>;
beforeAll(async () => {
  it = await openRecoveries();
});
afterEach(async () => {
  await it.rows(`TRUNCATE jobs; UPDATE recoveries SET state = 'done' WHERE state = 'running'`);
});
afterAll(() => it.close());

const jobs = async () => (await it.rows<{ n: number }>('SELECT count(*)::int AS n FROM jobs'))[0]?.n ?? 0;

describe('a recovery sends', () => {
  test('what failed, was canceled or got no delivery, oldest first, and nothing else', async () => {
    const tenant = await it.tenant({ eventTypes: ['payment.created'] });
    const events = await it.events(tenant, { count: 8 });
    const [a = '', b = '', c = '', d = '', e = '', f = '', g = '', h = ''] = events;
    await it.events(tenant, { count: 1, from: 10, type: 'payment.failed' });
    await it.deliveries(tenant.endpointId, { events: [a, h], status: 'failed' });
    await it.deliveries(tenant.endpointId, { events: [c], status: 'canceled' });
    await it.deliveries(tenant.endpointId, { events: [d], status: 'delivered' });
    await it.deliveries(tenant.endpointId, { events: [f], status: 'pending' });
    // An event of another client, and another endpoint's delivery.
    const other = await it.tenant();
    await it.events(other, { count: 3 });
    const second = await it.endpointOf(tenant.clientPk);
    await it.deliveries(second, { events: [g], status: 'delivered' });

    const recovery = await it.started(tenant, {
      since: new Date('2026-02-01T00:00:01Z'),
      until: new Date('2026-02-01T00:00:07Z'),
    });
    expect(recovery).toMatchObject({
      state: 'running',
      total: null,
      found: 0,
      searchedUntil: null,
      pending: 0,
    });
    expect(await it.run(recovery)).toEqual([b, c, e, g]);
    expect(await it.find(recovery)).toMatchObject({
      state: 'done',
      total: 4,
      found: 4,
      pending: 0,
      delivered: 4,
      failed: 0,
    });
  });

  test('nothing from before the registration, except what was tried', async () => {
    const tenant = await it.tenant();
    const [tried = '', , , after = ''] = await it.events(tenant, { count: 4 });
    await it.deliveries(tenant.endpointId, { events: [tried], status: 'failed' });
    await it.rows(`UPDATE webhook_endpoints SET created_at = '2026-02-01 00:00:03Z' WHERE id = $1`, [
      tenant.endpointId,
    ]);
    expect(await it.run(await it.started(tenant))).toEqual([tried, after]);
  });

  test('what fails again counts as failed, and the next recovery sends it', async () => {
    const tenant = await it.tenant();
    const events = await it.events(tenant, { count: 3 });
    const first = await it.started(tenant);
    expect(await it.run(first, 'failed')).toEqual(events);
    expect(await it.find(first)).toMatchObject({ state: 'done', total: 3, delivered: 0, failed: 3 });
    expect(await it.run(await it.started(tenant))).toEqual(events);
  });

  test('more than 10,000 events, each once and in order, also of the same millisecond', async () => {
    const tenant = await it.tenant();
    const events = await it.events(tenant, { count: 10_450 });
    await it.deliveries(tenant.endpointId, { events: events.slice(0, 3_000), status: 'delivered' });
    await it.rows(`UPDATE events SET created_at = '2026-02-02' WHERE client_pk = $1`, [tenant.clientPk]);
    const recovery = await it.started(tenant);
    const sent = await it.run(recovery);
    expect(sent).toEqual(events.slice(3_000).sort());
    expect(await it.find(recovery)).toMatchObject({ state: 'done', total: 7_450, delivered: 7_450 });
  }, 120_000);
});

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

  test('begins with two deliveries for each that the endpoint may get at once, spread over half a second', async () => {
    const tenant = await it.tenant();
    const events = await it.events(tenant, { count: 100 });
    const recovery = await it.started(tenant);
    expect(await it.turns()).toBe(1);
    const due = await it.rows<{ event_id: string; ms: number }>(
      `SELECT d.event_id, round(extract(epoch FROM j.run_at - min(j.run_at) OVER ()) * 1000)::int AS ms
         FROM jobs j JOIN deliveries d ON d.id = j.delivery_id ORDER BY j.run_at`,
    );
    expect(due.map(({ event_id }) => event_id)).toEqual(events.slice(0, 20));
    expect(due.map(({ ms }) => ms)).toEqual(Array.from({ length: 20 }, (_, n) => n * 25));
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
    // It doubles once in a quarter of a second. On a slow machine real time passes as well, and it doubles twice in one of ours.
    const DOUBLED = [80, 160, 320, 640, 1280, 2560, 5120];
    const begin = paces.slice(0, 5);
    expect(begin.every((pace) => DOUBLED.includes(pace))).toBe(true);
    expect(begin.every((pace, n) => pace >= (DOUBLED[n] ?? 0))).toBe(true);
    expect(Math.max(...paces)).toBeGreaterThanOrEqual(2560);
    expect(await it.find(recovery)).toMatchObject({ total: 10_000, found: 10_000 });
  }, 120_000);

  test('is bounded where many are at work: of ten each gets fifty a second, and not the 640 that one has by then', async () => {
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
    expect(highest.filter((pace) => pace === 50).length).toBeGreaterThan(40);
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
    expect(await jobs()).toBeLessThanOrEqual(40);
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
    expect(await jobs()).toBe(1);
    await it.rows('TRUNCATE jobs; UPDATE recoveries SET next_turn_at = now()');
    await it.turns();
    // The next slot is five seconds after the first: further ahead than jobs are made due.
    expect(await jobs()).toBe(0);
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
    expect(await jobs()).toBe(5_000);
    await it.rows('DELETE FROM jobs WHERE id IN (SELECT id FROM jobs LIMIT 100)');
    await it.passTime();
    await it.turns();
    expect(await jobs()).toBe(4_910);
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

describe('turns', () => {
  test('go to the clients in rotation: twenty recoveries get as many as one', async () => {
    const [many, one] = [await it.tenant(), await it.tenant()];
    const endpoints = [many.endpointId];
    while (endpoints.length < 20) endpoints.push(await it.endpointOf(many.clientPk));
    for (const tenant of [many, one]) {
      const events = await it.events(tenant, { count: 8_000 });
      for (const endpointId of tenant === many ? endpoints : [one.endpointId])
        await it.deliveries(endpointId, { events, status: 'delivered' });
    }
    for (const endpointId of endpoints) await it.started({ ...many, endpointId });
    const single = await it.started(one);
    const taken: (string | undefined)[] = [];
    for (let n = 0; n < 12; n += 1) taken.push((await it.turn())?.recoveryId);
    expect(taken.filter((id) => id === single.id)).toHaveLength(6);
    expect(new Set(taken).size).toBe(7);
  }, 60_000);

  test('recoveries of one endpoint are searched one after the other', async () => {
    const tenant = await it.tenant();
    const events = await it.events(tenant, { count: 60 });
    const [first, second] = [await it.started(tenant), await it.started(tenant)];
    await it.turns();
    expect(await it.find(second)).toMatchObject({ found: 0, searchedUntil: null });
    const begun = await it.deliver();
    expect([...begun, ...(await it.run(first)), ...(await it.run(second))]).toEqual(events);
    expect(await it.find(first)).toMatchObject({ total: 60 });
    expect(await it.find(second)).toMatchObject({ state: 'done', total: 0 });
  });

  test('of five workers at once make each delivery pending once', async () => {
    const tenants: Tenant[] = [];
    for (let n = 0; n < 5; n += 1) tenants.push(await it.tenant());
    const recoveries = [];
    for (const tenant of tenants) {
      await it.events(tenant, { count: 90 });
      recoveries.push(await it.started(tenant), await it.started(tenant));
    }
    let running = recoveries.length;
    const worker = async () => {
      while (running > 0) {
        await it.turns();
        await it.deliver();
      }
    };
    const clock = async () => {
      while (running > 0) {
        await it.passTime();
        const [row] = await it.rows<{ n: number }>(
          `SELECT count(*)::int AS n FROM recoveries WHERE state = 'running'`,
        );
        running = row?.n ?? 0;
      }
    };
    await Promise.all([clock(), ...Array.from({ length: 5 }, worker)]);
    const ends = await Promise.all(recoveries.map((recovery) => it.find(recovery)));
    expect(ends.map(({ state }) => state)).toEqual(recoveries.map(() => 'done'));
    expect(ends.reduce((sum, { total }) => sum + (total ?? 0), 0)).toBe(5 * 90);
    expect(ends.reduce((sum, { delivered }) => sum + delivered, 0)).toBe(5 * 90);
  }, 60_000);

  test('that were lost with their worker are given again, and the older holder changes nothing', async () => {
    const tenant = await it.tenant();
    const events = await it.events(tenant, { count: 5 });
    const recovery = await it.started(tenant);
    const lost = await claimTurn({ database: it.database });
    expect(lost).toMatchObject({ recoveryId: recovery.id });
    expect(await it.turn()).toBeNull();
    await it.passTime();
    const { turn } = (await claimTurn({ database: it.database })) ?? { turn: 0 };
    if (lost === null) throw new Error('no turn');
    const tx = { database: it.database };
    expect(await searchMissed(tx, lost)).toBe(0);
    expect(await countEnded(tx, lost)).toBeNull();
    expect(await jobs()).toBe(0);
    expect(await searchMissed(tx, { recoveryId: recovery.id, turn })).toBe(5);
    expect(await it.run(recovery)).toEqual(events);
  });

  test('that fail change nothing, and leave the others theirs', async () => {
    const [broken, fine] = [await it.tenant(), await it.tenant()];
    const [, bad = ''] = await it.events(broken, { count: 3 });
    await it.events(fine, { count: 3 });
    const [first, second] = [await it.started(broken), await it.started(fine)];
    await it.rows(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN IF NEW.event_id = '${bad}' THEN RAISE EXCEPTION 'refused'; END IF; RETURN NEW; END $$;
      CREATE TRIGGER refuse BEFORE INSERT ON deliveries FOR EACH ROW EXECUTE FUNCTION refuse()`);
    try {
      await expect(it.turn()).rejects.toThrow('refused');
      expect(await it.turn()).toMatchObject({ recoveryId: second.id, queued: 3 });
      expect(await it.find(first)).toMatchObject({ found: 0, pending: 0, searchedUntil: null });
    } finally {
      await it.rows('DROP TRIGGER refuse ON deliveries; DROP FUNCTION refuse');
    }
    await it.run(second);
    await it.run(first);
    expect(await it.find(first)).toMatchObject({ state: 'done', total: 3, delivered: 3 });
    expect(await it.find(second)).toMatchObject({ state: 'done', total: 3, delivered: 3 });
  });

  test('begin when every transaction that wrote before the recovery has ended', async () => {
    const tenant = await it.tenant();
    const writer = await it.database.pool.connect();
    try {
      await writer.query('BEGIN');
      await writer.query(
        `INSERT INTO events (id, client_pk, type, body, created_at)
         VALUES ('evt_late', $1, 'payment.created', '', now() - interval '1 second')`,
        [tenant.clientPk],
      );
      const result = await it.start(tenant);
      if (result.outcome !== 'started') throw new Error(result.outcome);
      const { recovery } = result;
      expect(await it.turns()).toBe(0);
      await writer.query('COMMIT');
      // Other tests write on this server too.
      await vi.waitUntil(async () => (await it.turns()) > 0, { timeout: 20_000, interval: 20 });
      expect(await it.run(recovery)).toEqual(['evt_late']);
      // As after a restore into a new server, whose transactions have lower ids.
      const restored = await it.started(tenant);
      await it.rows('UPDATE recoveries SET transaction_id = 1::bigint << 50 WHERE id = $1', [restored.id]);
      expect(await it.run(restored)).toEqual([]);
      // A transaction that is no worker's holds it up for ten seconds, not for ever.
      await writer.query('BEGIN; SELECT pg_current_xact_id()');
      await it.start(tenant);
      expect(await it.turns()).toBe(0);
      await it.rows(
        `UPDATE recoveries SET created_at = now() - interval '11 seconds' WHERE state = 'running'`,
      );
      expect(await it.turns()).toBe(1);
    } finally {
      await writer.query('ROLLBACK');
      writer.release();
    }
  });
});

describe('in the middle of a recovery', () => {
  const halfWay = async (input: { eventTypes?: string[] } = {}) => {
    const tenant = await it.tenant(input);
    const events = await it.events(tenant, { count: 100 });
    const recovery = await it.started(tenant);
    await it.turns();
    await it.rows('DELETE FROM jobs WHERE id = (SELECT max(id) FROM jobs)');
    await it.rows(
      `UPDATE deliveries SET status = 'delivered', finished_at = now()
        WHERE recovery_id = $1 AND NOT EXISTS (SELECT FROM jobs WHERE delivery_id = deliveries.id)`,
      [recovery.id],
    );
    return { tenant, events, recovery };
  };
  const change = (tenant: Tenant, changes: { enabled?: boolean; eventTypes?: string[] }) =>
    inTransaction(it, async (tx) => {
      await changeEndpoint(tx, { key: tenant, changes, by: BY });
      return { commit: true, value: null };
    });

  const stops: [string, (tenant: Tenant) => Promise<unknown>][] = [
    ['the client disables the endpoint', (tenant) => change(tenant, { enabled: false })],
    ['the operator disables it', (tenant) => disableEndpoint(it, { endpointId: tenant.endpointId, by: BY })],
    [
      'the client deletes it',
      async (tenant) => {
        await inTransaction(it, async (tx) => ({
          commit: true,
          value: await deleteEndpoint(tx, { key: tenant, by: BY }),
        }));
      },
    ],
    [
      'the receiver answers 410',
      async (tenant) => {
        const [job] = await it.rows<{ id: string }>(
          `UPDATE jobs SET fence = 1, queued_at = now(), lease_until = now() + interval '1 minute'
            WHERE id = (SELECT min(id) FROM jobs) RETURNING id::text`,
        );
        await recordDelivery(it, {
          claim: { jobId: job?.id ?? '', fence: 1 },
          clientPk: tenant.clientPk,
          attempt: {
            startedAt: new Date(),
            durationMs: 1,
            httpStatus: 410,
            errorKind: 'http_status',
            excerpt: null,
          },
          next: { status: 'failed' },
          disabling: {
            when: 'now',
            code: 'gone',
            reason: 'It answered 410 Gone.',
            event: { id: `evt_${tenant.endpointId}`, type: 'endpoint.disabled', body: '{}' },
          },
        });
      },
    ],
    [
      'a worker of an earlier version disables it',
      (tenant) =>
        it.rows(`UPDATE webhook_endpoints SET disabled_at = now() WHERE id = $1`, [tenant.endpointId]),
    ],
  ];
  test.each(stops)('%s: it is canceled, and sends nothing more', async (name, stop) => {
    const { tenant, recovery } = await halfWay();
    await stop(tenant);
    await it.passTime();
    await it.turns();
    const waiting = name.includes('earlier version') ? 19 : 0;
    expect(await jobs()).toBe(waiting);
    expect(await it.find(recovery)).toMatchObject({
      state: 'canceled',
      total: null,
      found: 20,
      delivered: 1,
      failed: 19 - waiting,
      pending: waiting,
    });
    await it.rows('UPDATE webhook_endpoints SET disabled_at = NULL, deleted_at = NULL WHERE id = $1', [
      tenant.endpointId,
    ]);
    await it.passTime();
    expect(await it.turns()).toBe(0);
  });

  test('it is disabled and enabled again: the next recovery sends the rest', async () => {
    const { tenant, events, recovery } = await halfWay();
    await change(tenant, { enabled: false });
    await enableEndpoint(it, { endpointId: tenant.endpointId, by: BY });
    const next = await it.started(tenant);
    expect(await it.run(next)).toHaveLength(events.length - 1);
    expect(await it.find(recovery)).toMatchObject({ state: 'canceled', found: 20, delivered: 1 });
  });

  test('when only the last ends are not counted yet, disabling leaves it done', async () => {
    const tenant = await it.tenant();
    await it.events(tenant, { count: 5 });
    const recovery = await it.started(tenant);
    await it.turns();
    await it.deliver();
    await change(tenant, { enabled: false });
    await it.run(recovery);
    expect(await it.find(recovery)).toMatchObject({ state: 'done', total: 5, delivered: 5 });
  });

  test('a claim that found the endpoint disabled ends after the recovery came by: nothing is lost', async () => {
    const tenant = await it.tenant();
    const [event = ''] = await it.events(tenant, { count: 1 });
    await it.deliveries(tenant.endpointId, { events: [event], status: 'pending' });
    await it.rows(
      `INSERT INTO jobs (kind, lane_id, event_id, delivery_id, fence, tries, queued_at, lease_until)
       SELECT 'deliver_webhook', e.lane_id, d.event_id, d.id, 1, 3, now(), now() + interval '1 minute'
         FROM deliveries d JOIN webhook_endpoints e ON e.id = d.endpoint_id WHERE d.event_id = $1`,
      [event],
    );
    await change(tenant, { enabled: false });
    await change(tenant, { enabled: true });
    const recovery = await it.started(tenant);
    await it.turns();
    expect(await it.find(recovery)).toMatchObject({ total: 0 });
    const [job] = await it.rows<{ id: string }>('SELECT id::text FROM jobs');
    const claim = { jobId: job?.id ?? '', fence: 1 };
    const end = {
      clientPk: tenant.clientPk,
      attempt: null,
      next: { status: 'canceled' },
      disabling: null,
    } as const;
    expect(await recordDelivery(it, { claim, ...end })).toEqual({ written: true, disabled: false });
    expect(await it.rows('SELECT fence, tries, queued_at, run_at <= now() AS due FROM jobs')).toEqual([
      { fence: 2, tries: 3, queued_at: null, due: true },
    ]);
    const states = () => it.rows('SELECT status FROM deliveries WHERE event_id = $1', [event]);
    expect(await states()).toEqual([{ status: 'pending' }]);
    await it.rows('UPDATE webhook_endpoints SET disabled_at = now() WHERE id = $1', [tenant.endpointId]);
    await recordDelivery(it, { claim: { ...claim, fence: 2 }, ...end });
    expect(await states()).toEqual([{ status: 'canceled' }]);
  });

  test('the event types change: those of the moment count', async () => {
    const { tenant, recovery } = await halfWay();
    await it.events(tenant, { count: 7, from: 200, type: 'payment.failed' });
    await change(tenant, { eventTypes: ['payment.failed'] });
    await it.run(recovery);
    expect(await it.find(recovery)).toMatchObject({ state: 'done', total: 27, delivered: 27 });
  });

  test('retention removes events: it ends with those that were left', async () => {
    const { tenant, recovery, events } = await halfWay();
    await it.rows(
      `UPDATE events SET created_at = now() - interval '31 days' WHERE client_pk = $1 AND NOT id = ANY ($2)`,
      [tenant.clientPk, events.slice(0, 50)],
    );
    await pruneBatch(it, { what: 'events', days: 1 });
    await it.run(recovery);
    const ended = await it.find(recovery);
    expect(ended.state).toBe('done');
    expect(ended.delivered + ended.failed).toBeLessThanOrEqual(ended.total ?? 0);
    // A recovery that runs is not removed itself, however old.
    const old = await it.started(tenant);
    await it.rows(`UPDATE recoveries SET created_at = now() - interval '90 days' WHERE id = $1`, [old.id]);
    await pruneBatch(it, { what: 'recoveries', days: 30 });
    expect(await it.find(old)).toMatchObject({ state: 'running' });
  });

  test('an event is redelivered by hand: it counts as ended, not as delivered', async () => {
    const { recovery } = await halfWay();
    await it.deliver('failed');
    await it.rows(
      `UPDATE deliveries SET status = 'pending', finished_at = NULL, recovery_id = NULL
        WHERE id = (SELECT min(id) FROM deliveries WHERE recovery_id = $1 AND status = 'failed')`,
      [recovery.id],
    );
    await it.run(recovery);
    expect(await it.find(recovery)).toMatchObject({ state: 'done', total: 100, delivered: 81, failed: 18 });
  });
});

test('at most 50 recoveries of a client are searching, also when they are requested at once', async () => {
  const tenant = await it.tenant();
  const writer = await it.database.pool.connect();
  await writer.query('BEGIN; SELECT pg_current_xact_id()');
  try {
    const started = await Promise.all(Array.from({ length: 60 }, () => it.start(tenant)));
    expect(started.filter(({ outcome }) => outcome === 'started')).toHaveLength(50);
    expect(started.filter(({ outcome }) => outcome === 'limit_reached')).toHaveLength(10);
    // Another client has its own, and what has its total does not count.
    expect((await it.start(await it.tenant())).outcome).toBe('started');
  } finally {
    await writer.query('ROLLBACK');
    writer.release();
  }
  await it.forgetWriters();
  await it.turns();
  expect((await it.start(tenant)).outcome).toBe('started');
});

test('at most 200 recoveries of a client are running, those that wait for a receiver included', async () => {
  const tenant = await it.tenant();
  await it.rows(
    `INSERT INTO recoveries (id, endpoint_id, since, until, total)
     SELECT 'rec_waits_' || n, $1, now(), now(), 1 FROM generate_series(1, 199) AS n`,
    [tenant.endpointId],
  );
  const two = await Promise.all([it.start(tenant), it.start(tenant)]);
  expect(two.map(({ outcome }) => outcome).sort()).toEqual(['limit_reached', 'started']);
  expect((await it.start(await it.tenant())).outcome).toBe('started');
  await it.rows(`UPDATE recoveries SET state = 'done' WHERE id = 'rec_waits_7'`);
  expect((await it.start(tenant)).outcome).toBe('started');
});
