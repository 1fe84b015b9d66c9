import { Client } from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { claimDelivery } from '../delivery/claim-delivery.ts';
import { recordDelivery } from '../delivery/record-delivery.ts';
import { registerEndpoint } from '../endpoints/register-endpoint.ts';
import { listEndpoints } from '../tenants/list.ts';
import type { OpenPractice } from '../testing/open-practice.ts';
import { practiceOfFile } from '../testing/practice-of-file.ts';
import { feedJobs } from './feed-jobs.ts';
import { type LaneCap, type LaneNow, readLaneCaps } from './read-lane-caps.ts';
import { writeLaneCaps } from './write-lane-caps.ts';

let practice: OpenPractice;
/** An endpoint's lane, registered without a `concurrency`. */
let laneId: number;
const sessions: Client[] = [];
const beginWithPractice = practiceOfFile();
beforeEach(async () => {
  practice = await beginWithPractice();
  laneId = await register();
});
afterEach(async () => {
  await Promise.all(sessions.splice(0).map((session) => session.end()));
});

const sql = async (text: string) => (await practice.owner.pool.query(text)).rows;

async function register(concurrency?: number): Promise<number> {
  const { clientPk } = practice;
  const url = `https://example.com/${Math.random()}`;
  const endpointId = await registerEndpoint(practice, {
    ...{ clientPk, url, secret: 'whsec_x' },
    ...(concurrency === undefined ? {} : { concurrency }),
  });
  const [row] = await sql(`SELECT lane_id FROM webhook_endpoints WHERE id = '${endpointId}'`);
  return row.lane_id;
}

/** Deliveries that are due in a lane. */
async function due(howMany: number, lane = laneId): Promise<void> {
  await sql(`
    WITH event AS (
      INSERT INTO events (id, client_pk, type, body)
      SELECT 'evt_' || ${lane} || '_' || gen_random_uuid(), ${practice.clientPk}, 'payment.created', '{}' FROM generate_series(1, ${howMany}) RETURNING id
    ), delivery AS (
      INSERT INTO deliveries (event_id, endpoint_id, event_type) SELECT event.id, e.id, 'payment.created' FROM event, webhook_endpoints e WHERE e.lane_id = ${lane}
      RETURNING event_id, id
    )
    INSERT INTO jobs (kind, lane_id, event_id, delivery_id) SELECT 'deliver_webhook', ${lane}, event_id, id FROM delivery`);
}

const feed = async () => (await feedJobs(practice, 500)).length;

async function read(lane = laneId): Promise<LaneNow> {
  const { lanes } = await readLaneCaps(practice, { laneIds: [lane] });
  if (lanes[0] === undefined) throw new Error('the lane is missing');
  return lanes[0];
}

const capOf = (cap: number, change: Partial<LaneCap> = {}): LaneCap => ({
  cap,
  base: null,
  changedAt: new Date(),
  confirmedAt: new Date(),
  restingUntil: null,
  round: null,
  ...change,
});

async function write(next: LaneCap, lane = laneId): Promise<boolean> {
  const { version } = await read(lane);
  return (await writeLaneCaps(practice, { changes: [{ laneId: lane, version, next }] })).has(lane);
}

test('an endpoint begins with ten at once, and has what was written for a minute', async () => {
  await due(100);
  expect(await feed()).toBe(10);
  await write(capOf(20));
  expect(await feed()).toBe(10);
  await write(capOf(4));
  expect(await feed()).toBe(0);
  await write(capOf(64));
  await sql(`UPDATE lane_caps SET confirmed_at = now() - interval '61 seconds'`);
  expect(await feed()).toBe(0);
  expect(await read()).toMatchObject({ stored: null, version: '3' });
  await sql(`UPDATE lane_caps SET confirmed_at = now() - interval '55 seconds'`);
  expect(await feed()).toBe(44);
});

test('an operator sees the cap that the feed goes by', async () => {
  const atOnce = async () => {
    const endpoints = await listEndpoints(practice, {});
    const [row] = await sql(`SELECT id FROM webhook_endpoints WHERE lane_id = ${laneId}`);
    return endpoints.find(({ endpointId }) => endpointId === row.id)?.atOnce;
  };
  await due(100);
  for (const [cap, age] of [
    [20, 0],
    [4, 59],
    [20, 61],
    [4, 61],
    [64, 0],
  ]) {
    await write(capOf(cap ?? 0));
    await sql(`UPDATE lane_caps SET confirmed_at = now() - interval '${age} seconds'`);
    await sql('UPDATE jobs SET queued_at = NULL');
    expect(await atOnce()).toBe(await feed());
  }
  expect(await atOnce()).toBe(64);
});

test('its concurrency bounds it, whatever was written, and a connection’s cap is fixed', async () => {
  const few = await register(2);
  await due(50, few);
  await write(capOf(64), few);
  expect(await feed()).toBe(2);
  await sql(
    `INSERT INTO lane_caps SELECT ${practice.laneId}, 1, NULL, NULL, now(), now(), NULL, NULL, 0, 0, 0, 1`,
  );
  await sql(
    `INSERT INTO jobs (kind, lane_id) SELECT 'post_payment', ${practice.laneId} FROM generate_series(1, 20)`,
  );
  expect(await feed()).toBe(4);
  const { lanes } = await readLaneCaps(practice, { laneIds: [practice.laneId, few] });
  expect(lanes.map((lane) => lane.laneId)).toEqual([few]);
});

test('an open circuit gives one job, whatever the cap is', async () => {
  await due(20);
  await write(capOf(64));
  await sql(`UPDATE lanes SET failures = 5 WHERE id = ${laneId}`);
  expect(await feed()).toBe(1);
  expect((await read()).full).toBe(false);
});

test('a lane is full when a due job waits for nothing but its cap', async () => {
  expect(await read()).toMatchObject({ full: false, inFlight: 0, most: 64 });
  await due(12);
  await feed();
  expect(await read()).toMatchObject({ full: true, inFlight: 10 });
  await sql(`UPDATE lanes SET rate_per_second = 1 WHERE id = ${laneId}`);
  await write(capOf(64));
  expect((await read()).full, 'it waits for the rate').toBe(false);
  await sql(
    `UPDATE lanes SET rate_per_second = NULL, open_until = now() + interval '1 minute' WHERE id = ${laneId}`,
  );
  expect((await read()).full, 'it waits for the circuit').toBe(false);
  await sql(`UPDATE lanes SET open_until = NULL WHERE id = ${laneId}`);
  await sql(`UPDATE jobs SET run_at = now() + interval '1 hour' WHERE queued_at IS NULL`);
  expect((await read()).full, 'it waits for its time').toBe(false);
});

test('the workers are crowded when a delivery’s entry has waited for them', async () => {
  const crowded = async () => (await readLaneCaps(practice, { laneIds: [] })).crowded;
  await due(1);
  await sql(`UPDATE jobs SET run_at = now() - interval '1 hour'`);
  expect(await crowded(), 'one that was not handed over').toBe(false);
  await sql(
    `UPDATE jobs SET queued_at = now() - interval '1 second', lease_until = now() + interval '1 minute'`,
  );
  expect(await crowded(), 'one in hand').toBe(false);
  await sql('UPDATE jobs SET lease_until = NULL');
  expect(await crowded()).toBe(true);
});

test('what is written is read again, and two workers’ writes never overwrite each other', async () => {
  const at = new Date('2026-06-15T10:00:00.123Z');
  const whole = capOf(20, {
    base: { cap: 10, throughput: 0.125 },
    changedAt: at,
    restingUntil: at,
    round: { beganAt: at, busyMs: 1234.5, delivered: 7, deliveredMs: 3210.25 },
  });
  const both = await Promise.all([read(), read()]);
  const results = await Promise.all(
    both.map(({ version }) => writeLaneCaps(practice, { changes: [{ laneId, version, next: whole }] })),
  );
  expect(results.map(({ size }) => size).sort()).toEqual([0, 1]);
  expect(await read()).toMatchObject({ stored: whole, version: '1' });

  // Each adds what it has seen until it was stored: nothing is lost.
  const add = async () => {
    for (;;) {
      const { stored, version } = await read();
      if (stored?.round == null) throw new Error('the round is missing');
      const next = { ...stored, round: { ...stored.round, delivered: stored.round.delivered + 1 } };
      if ((await writeLaneCaps(practice, { changes: [{ laneId, version, next }] })).size === 1) return;
    }
  };
  await Promise.all(Array.from({ length: 12 }, add));
  expect((await read()).stored?.round?.delivered).toBe(19);
});

test('workers that write the same lanes in opposite orders never deadlock', async () => {
  const lanes = [laneId, ...(await Promise.all(Array.from({ length: 20 }, () => register())))];
  const writeAll = async (order: number[]) => {
    const { lanes: present } = await readLaneCaps(practice, { laneIds: order });
    const version = new Map(present.map((lane) => [lane.laneId, lane.version]));
    const changes = order.map((lane) => ({
      laneId: lane,
      version: version.get(lane) ?? '0',
      next: capOf(20),
    }));
    await writeLaneCaps(practice, { changes });
  };
  for (let round = 0; round < 20; round += 1) {
    await Promise.all([
      writeAll(lanes),
      writeAll([...lanes].reverse()),
      writeAll(lanes),
      writeAll([...lanes].reverse()),
    ]);
  }
  expect((await sql('SELECT count(*)::int AS n FROM lane_caps WHERE cap = 20'))[0].n).toBe(lanes.length);
});

test('neither waits for the other: the record of a failure, which writes the lane, and the write of its cap', async () => {
  await due(1);
  const [job] = await feedJobs(practice, 1);
  const delivery = await claimDelivery(practice, {
    jobId: job?.id ?? '',
    fence: job?.fence ?? -1,
    leaseMs: 60_000,
  });
  if (delivery === null) throw new Error('not claimed');
  const session = new Client({ connectionString: practice.url });
  await session.connect();
  sessions.push(session);
  await session.query('BEGIN');
  await session.query(`UPDATE lanes SET failures = failures + 1 WHERE id = ${laneId}`);
  expect(await within(write(capOf(20)))).toBe(true);
  await session.query('ROLLBACK');

  const held = { pool: session };
  await session.query('BEGIN');
  const { version } = await read();
  expect(
    (await writeLaneCaps({ database: held }, { changes: [{ laneId, version, next: capOf(8) }] })).size,
  ).toBe(1);
  const attempt = {
    startedAt: new Date(),
    durationMs: 1,
    httpStatus: 500,
    errorKind: 'http_status',
    excerpt: null,
  };
  const { claim, clientPk } = delivery;
  const next = { status: 'pending' as const, delayMs: 1_000 };
  const recorded = await within(
    recordDelivery(practice, { claim, clientPk, attempt, next, disabling: null }),
  );
  expect(recorded.written).toBe(true);
  await session.query('COMMIT');
  expect(await sql(`SELECT failures FROM lanes WHERE id = ${laneId}`)).toEqual([{ failures: 1 }]);
});

/** Rejects when it is not there in three seconds: it would be waiting for the other transaction's lock. */
const within = <T>(work: Promise<T>): Promise<T> =>
  Promise.race([
    work,
    new Promise<never>((_, reject) => setTimeout(() => reject(new Error('it waits')), 3_000).unref()),
  ]);
