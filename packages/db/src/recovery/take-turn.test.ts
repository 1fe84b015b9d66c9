import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { claimTurn } from './claim-turn.ts';
import { countEnded } from './count-ended.ts';
import { openRecoveries, type Tenant } from './recovery.fixture.ts';
import { searchMissed } from './search-missed.ts';

let it: Awaited<ReturnType<typeof openRecoveries>>;
beforeAll(async () => {
  it = await openRecoveries();
});
afterEach(async () => {
  await it.rows(`TRUNCATE jobs; UPDATE recoveries SET state = 'done' WHERE state = 'running'`);
});
afterAll(() => it.close());

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

describe('turns', () => {
  test('go to the clients in rotation: twenty recoveries get as many as one', async () => {
    const [many, one] = [await it.tenant(), await it.tenant()];
    const endpoints = [many.endpointId];
    while (endpoints.length < 20) endpoints.push(await it.endpointOf(many.clientPk));
    // A turn reads 1,000 at most. No recovery ends meanwhile, and the fewer there are the sooner they are written.
    const AT_ONCE = 2_000;
    for (let from = 0; from < 4 * AT_ONCE; from += AT_ONCE)
      for (const tenant of from === 0 ? [many, one] : [one]) {
        const events = await it.events(tenant, { count: AT_ONCE, from });
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
    expect(await it.jobs()).toBe(0);
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
