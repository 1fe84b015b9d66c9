import { randomUUID } from 'node:crypto';
import { newEventId, paymentIdToUuid } from '@emr-payments/contracts';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { acceptBatch } from '../accept/accept-batch.ts';
import { ensureBucket } from '../buckets/bucket.ts';
import type { StatementDeps } from '../core/statements.ts';
import { claimDelivery } from '../delivery/claim-delivery.ts';
import { redeliverEvent } from '../delivery/redeliver-event.ts';
import { feedJobs } from '../jobs/feed-jobs.ts';
import { type OpenPractice, openPractice } from '../testing/open-practice.ts';
import { pruneBatch } from './prune.ts';

let practice: OpenPractice;
beforeAll(async () => {
  practice = await openPractice();
});
afterAll(() => practice.close());

const daysAgo = (days: number) => new Date(Date.now() - days * 86_400_000);

/** An event with an id from before they began with their time. */
async function eventOf(age: number, status: 'delivered' | 'pending'): Promise<string> {
  const id = newEventId().replace(/^evt_0/, 'evt_z');
  const { prisma } = practice.database;
  const endpoint = await prisma.webhookEndpoint.findFirstOrThrow();
  await prisma.event.create({
    data: {
      id,
      clientPk: practice.clientPk,
      type: 'payment.created',
      body: '{}',
      createdAt: daysAgo(age),
    },
  });
  const { id: deliveryId } = await prisma.delivery.create({
    data: { eventId: id, endpointId: endpoint.id, eventType: 'payment.created', status },
  });
  await prisma.deliveryAttempt.createMany({
    data: [1, 2].map((number) => ({
      eventId: id,
      deliveryId,
      number,
      startedAt: daysAgo(age),
      durationMs: 5,
    })),
  });
  return id;
}

const sendAgain = (eventId: string, deps: StatementDeps = practice) =>
  redeliverEvent(deps, { eventId, clientPk: null, endpointId: null, by: { actor: 'test', source: 'test' } });

async function claimNext() {
  const [job] = await feedJobs(practice, 10);
  if (job === undefined) throw new Error('no job is due');
  return claimDelivery(practice, { jobId: job.id, fence: job.fence, leaseMs: 60_000 });
}

test('old and finished events are removed with deliveries and attempts, in batches', async () => {
  const { prisma } = practice.database;
  const kept = [await eventOf(29, 'delivered'), await eventOf(31, 'pending')];
  for (let n = 0; n < 5; n += 1) await eventOf(31 + n, 'delivered');
  const prune = () => pruneBatch(practice, { what: 'events', days: 30, limit: 3 });
  expect([await prune(), await prune(), await prune()]).toEqual([3, 2, 0]);
  const left = await prisma.event.findMany();
  expect(left.map(({ id }) => id).sort()).toEqual(kept.sort());
  const deliveries = await prisma.delivery.findMany();
  expect(deliveries.map(({ eventId }) => eventId).sort()).toEqual(kept);
  const attempts = await prisma.deliveryAttempt.findMany();
  expect(attempts.map(({ eventId }) => eventId).sort()).toEqual(kept.flatMap((id) => [id, id]));
});

test('an event that is sent again while old ones are removed stays, and its job with it', async () => {
  const { prisma, pool } = practice.database;
  const eventId = await eventOf(31, 'delivered');
  const sender = await pool.connect();
  await sender.query('BEGIN');
  expect(await sendAgain(eventId, { database: { pool: sender } })).toMatchObject({ outcome: 'redelivering' });
  let ended = false;
  const pruning = pruneBatch(practice, { what: 'events', days: 30 }).finally(() => {
    ended = true;
  });
  const waiting =
    'SELECT FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())';
  await vi.waitUntil(async () => ended || (await pool.query(waiting)).rowCount !== 0, { timeout: 30_000 });
  await sender.query('COMMIT');
  sender.release();
  expect(await pruning).toBe(0);
  expect(await claimNext()).toMatchObject({ event: { id: eventId } });
  await prisma.job.deleteMany();
  await prisma.delivery.updateMany({ where: { eventId }, data: { status: 'delivered' } });
  expect(await pruneBatch(practice, { what: 'events', days: 30 })).toBe(1);
});

test.each(['deliveries', 'events'])(
  'a job whose row of %s is gone ends when it is claimed',
  async (table) => {
    const { prisma } = practice.database;
    const eventId = await eventOf(1, 'delivered');
    await sendAgain(eventId);
    const key = table === 'events' ? 'id' : 'event_id';
    await practice.owner.pool.query(`DELETE FROM ${table} WHERE ${key} = $1`, [eventId]);
    expect(await claimNext()).toBeNull();
    expect(await prisma.job.count()).toBe(0);
    expect(await prisma.delivery.count({ where: { eventId } })).toBe(0);
    await prisma.event.deleteMany({ where: { id: eventId } });
  },
);

test('old idempotency keys are removed, except those whose payment is under way', async () => {
  const { prisma } = practice.database;
  const fingerprint = Buffer.alloc(32);
  const keys = ['under-way', 'finished', 'fresh'];
  const inputs = keys.map((key) => practice.input({ idempotency: { key, fingerprint } }));
  await acceptBatch({ database: practice.database }, inputs);
  const { paymentId } = await prisma.idempotencyKey.findFirstOrThrow({ where: { key: 'finished' } });
  await prisma.payment.update({ where: { id: paymentId ?? '' }, data: { status: 'posted' } });
  await prisma.idempotencyKey.updateMany({
    where: { key: { not: 'fresh' } },
    data: { createdAt: daysAgo(8) },
  });
  expect(await pruneBatch(practice, { what: 'idempotency_keys', days: 7 })).toBe(1);
  const left = await prisma.idempotencyKey.findMany({ orderBy: { key: 'asc' } });
  expect(left.map(({ key }) => key)).toEqual(['fresh', 'under-way']);
});

test("the EMR's own words about old attempts are removed, unless somebody has to look into the payment", async () => {
  const { prisma } = practice.database;
  const accepted = await acceptBatch({ database: practice.database }, [
    practice.input(),
    practice.input(),
    practice.input(),
  ]);
  const ids = accepted.map((one) => (one.outcome === 'accepted' ? paymentIdToUuid(one.paymentId) : ''));
  const [posted = '', review = '', fresh = ''] = ids;
  await prisma.payment.updateMany({ where: { id: { in: ids } }, data: { status: 'posted' } });
  await prisma.payment.update({ where: { id: review }, data: { status: 'needs_review' } });
  const attempt = (paymentId: string, age: number) => ({
    paymentId,
    number: 1,
    sentAt: daysAgo(age),
    emrText: 'k.n.c.t',
  });
  await prisma.postingAttempt.createMany({
    data: [attempt(posted, 31), attempt(review, 31), attempt(fresh, 29)],
  });
  expect(await pruneBatch(practice, { what: 'emr_texts', days: 30 })).toBe(1);
  const left = await prisma.postingAttempt.findMany({ where: { paymentId: { in: ids } } });
  expect(left).toHaveLength(3);
  const kept = left.filter(({ emrText }) => emrText !== null).map(({ paymentId }) => paymentId);
  expect(kept.sort()).toEqual([review, fresh].sort());
});

test('old recoveries are removed once their deliveries are gone', async () => {
  const { prisma } = practice.database;
  const { id: endpointId } = await prisma.webhookEndpoint.findFirstOrThrow();
  const times = { since: daysAgo(40), until: daysAgo(39), createdAt: daysAgo(38) };
  const recovery = { endpointId, ...times, state: 'done', total: 1 } as const;
  await prisma.recovery.createMany({ data: ['r1', 'r2'].map((id) => ({ id, ...recovery })) });
  const eventId = await eventOf(38, 'delivered');
  await prisma.delivery.updateMany({ where: { eventId }, data: { recoveryId: 'r2' } });
  expect(await pruneBatch(practice, { what: 'recoveries', days: 30 })).toBe(1);
  await pruneBatch(practice, { what: 'events', days: 30 });
  expect(await prisma.recovery.findMany({ select: { id: true } })).toEqual([{ id: 'r2' }]);
  expect(await pruneBatch(practice, { what: 'recoveries', days: 30 })).toBe(1);
});

test('one process prunes at a time', async () => {
  await eventOf(40, 'delivered');
  const other = await practice.database.pool.connect();
  await other.query('BEGIN; SELECT pg_advisory_xact_lock(0x6b656570)');
  expect(await pruneBatch(practice, { what: 'events', days: 30 })).toBe(0);
  await other.query('COMMIT');
  other.release();
  expect(await pruneBatch(practice, { what: 'events', days: 30 })).toBe(1);
});

test('a deleted endpoint goes with its lane, cap and secrets once nothing of it is left', async () => {
  const { prisma } = practice.database;
  const make = async (id: string, deletedAt: Date | null) => {
    const lane = await prisma.lane.create({ data: { kind: 'endpoint', concurrency: 1 } });
    const endpoint = {
      id,
      clientPk: practice.clientPk,
      laneId: lane.id,
      url: 'https://hook.test',
      deletedAt,
    };
    await prisma.webhookEndpoint.create({ data: endpoint });
    await prisma.webhookSecret.create({ data: { id: randomUUID(), endpointId: id, sealed: 'x' } });
    await prisma.laneCap.create({
      data: {
        ...{ laneId: lane.id, cap: 1, changedAt: new Date(), confirmedAt: new Date(), version: 1 },
        ...{ roundBusyMs: 0, roundDelivered: 0, roundDeliveredMs: 0 },
      },
    });
    return lane.id;
  };
  const gone = await make('we_gone', daysAgo(31));
  const kept = [
    await make('we_live', null),
    await make('we_young', daysAgo(29)),
    await make('we_delivery', daysAgo(31)),
    await make('we_recovery', daysAgo(31)),
    await make('we_job', daysAgo(31)),
  ];
  const eventId = await eventOf(1, 'delivered');
  await prisma.delivery.updateMany({ where: { eventId }, data: { endpointId: 'we_delivery' } });
  const times = { since: daysAgo(40), until: daysAgo(39) };
  await prisma.recovery.create({ data: { id: 'r3', endpointId: 'we_recovery', ...times, state: 'done' } });
  await practice.database.pool.query(`INSERT INTO jobs (kind, lane_id) VALUES ('sync_connection', $1)`, [
    kept.at(-1),
  ]);
  expect(await pruneBatch(practice, { what: 'deleted_endpoints', days: 30 })).toBe(1);
  expect(await prisma.webhookEndpoint.findUnique({ where: { id: 'we_gone' } })).toBeNull();
  expect(await prisma.webhookSecret.count({ where: { endpointId: 'we_gone' } })).toBe(0);
  const lanes = await prisma.lane.findMany({
    where: { id: { in: [gone, ...kept] } },
    orderBy: { id: 'asc' },
  });
  expect(lanes.map(({ id }) => id)).toEqual(kept);
  expect(await prisma.laneCap.count({ where: { laneId: gone } })).toBe(0);
});

test('a signing secret goes when its overlap has ended', async () => {
  const { prisma } = practice.database;
  const { id: endpointId } = await prisma.webhookEndpoint.findFirstOrThrow({ where: { deletedAt: null } });
  const secret = (sealed: string, expiresAt: Date | null) =>
    prisma.webhookSecret.create({ data: { id: randomUUID(), endpointId, sealed, expiresAt } });
  await secret('ended', new Date(Date.now() - 1_000));
  await secret('overlapping', new Date(Date.now() + 60_000));
  await secret('newest', null);
  expect(await pruneBatch(practice, { what: 'ended_secrets', days: 0 })).toBe(1);
  const left = await prisma.webhookSecret.findMany({
    where: { sealed: { in: ['ended', 'overlapping', 'newest'] } },
  });
  expect(left.map(({ sealed }) => sealed).sort()).toEqual(['newest', 'overlapping']);
});

test('credentials go when they have ended for so long, and never one that is valid', async () => {
  const { prisma } = practice.database;
  const { clientPk, userId } = practice;
  const key = await prisma.operatorKey.create({
    data: { publicId: 'opk_1', name: 'n', scopes: [], expiresAt: daysAgo(-1) },
  });
  const ends = { long_ago: daysAgo(91), lately: daysAgo(89), later: daysAgo(-1), open: null };
  for (const [name, expiresAt] of Object.entries(ends)) {
    const hash = Buffer.from(name);
    await prisma.clientSecret.create({ data: { clientPk, secretHash: hash, expiresAt } });
    await prisma.accessToken.create({ data: { userId, tokenHash: hash, expiresAt } });
    await prisma.operatorKeySecret.create({ data: { keyPk: key.id, secretHash: hash, expiresAt } });
  }
  const names = Object.keys(ends);
  const left = async () => [
    (await prisma.clientSecret.findMany()).map(({ secretHash }) => secretHash),
    (await prisma.accessToken.findMany()).map(({ tokenHash }) => tokenHash),
    (await prisma.operatorKeySecret.findMany()).map(({ secretHash }) => secretHash),
  ];
  const before = await left();
  for (const what of ['client_secrets', 'access_tokens', 'operator_key_secrets'] as const) {
    expect(await pruneBatch(practice, { what, days: 90 })).toBe(1);
    expect(await pruneBatch(practice, { what, days: 90 })).toBe(0);
  }
  const after = await left();
  for (const [n, hashes] of after.entries()) {
    // The practice's own are valid, too.
    expect(hashes).toHaveLength((before[n]?.length ?? 0) - 1);
    const kept = hashes.map((hash) => Buffer.from(hash).toString()).filter((text) => names.includes(text));
    expect(kept.sort()).toEqual(['lately', 'later', 'open']);
  }
});

test('limits of requests that no connection has are removed when nobody has called under them for so long', async () => {
  const { prisma, pool } = practice.owner;
  const window = [{ calls: 60, perMs: 60_000 }];
  const used = await ensureBucket(practice, { key: 'used', windows: window });
  for (const key of ['tried', 'called', 'new']) await ensureBucket(practice, { key, windows: window });
  await prisma.lane.update({ where: { id: practice.laneId }, data: { bucketId: used } });
  await pool.query(`UPDATE rate_buckets SET updated_at = now() - interval '31 days' WHERE key <> 'new'`);
  await pool.query(
    `UPDATE rate_buckets SET next_slots = ARRAY[now() - interval '29 days'] WHERE key = 'called'`,
  );
  expect(await pruneBatch(practice, { what: 'unused_limits', days: 30 })).toBe(1);
  const kept = await prisma.rateBucket.findMany({ orderBy: { key: 'asc' }, select: { key: true } });
  expect(kept.map(({ key }) => key)).toEqual(['called', 'new', 'used']);
});
