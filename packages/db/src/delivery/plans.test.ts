import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pageOfEndpoints } from '../endpoints/endpoint-record.ts';
import { buffersOf } from '../testing/buffers-of.ts';
import { type OpenPractice, openPractice } from '../testing/open-practice.ts';
import { type DeliveryFilter, deliveriesStatement, listDeliveries } from './list-deliveries.ts';
import { eventsStatement } from './read-events.ts';

let practice: OpenPractice;
/** Takes what is sent, and long ago did not. */
let healthy: DeliveryFilter['endpoint'];
/** Is down: everything waits. */
let down: DeliveryFilter['endpoint'];

const EVENTS = 60_000;
/** Most buffers of 8 KiB that a page may read. The table of deliveries alone has some 2,000. */
const MOST_BUFFERS = 400;
const PAGE = 21;

beforeAll(async () => {
  practice = await openPractice();
  const { prisma } = practice.database;
  const first = await prisma.webhookEndpoint.findFirstOrThrow();
  healthy = { id: first.id, laneId: first.laneId };
  const lane = await prisma.lane.create({ data: { kind: 'endpoint', concurrency: 2 } });
  down = { id: 'we_down', laneId: lane.id };
  await prisma.webhookEndpoint.create({
    data: { ...down, clientPk: practice.clientPk, url: 'https://example.com/down' },
  });
  // Without the time-outs of our pools: the machine may be busy.
  const client = new Client({ connectionString: practice.url });
  await client.connect();
  // The rare type, and the deliveries in a rare state, are the oldest: a scan would find them last.
  await client.query(
    `INSERT INTO events (id, client_pk, type, body, created_at)
     SELECT 'evt_' || n, $1, CASE WHEN n <= 3 THEN 'payment.failed' ELSE 'payment.created' END, '{}',
            timestamptz '2026-01-01' + n * interval '1 minute'
       FROM generate_series(1, $2::int) AS n`,
    [practice.clientPk, EVENTS],
  );
  await client.query(
    `INSERT INTO deliveries (event_id, endpoint_id, event_type, status, attempts, created_at)
     SELECT v.id, e.id, v.type,
            (CASE WHEN e.id = $1 THEN 'pending' WHEN n IN (2, 5, 6) THEN 'failed' WHEN n IN (7, 8) THEN 'canceled'
                  WHEN n IN (3, 9) THEN 'pending' ELSE 'delivered' END)::delivery_status, 1, v.created_at
       FROM generate_series(1, $2::int) AS n JOIN events v ON v.id = 'evt_' || n CROSS JOIN webhook_endpoints e
      ORDER BY n`,
    [down.id, EVENTS],
  );
  await client.query(`
    INSERT INTO jobs (kind, lane_id, event_id, delivery_id, queued_at)
    SELECT 'deliver_webhook', e.lane_id, d.event_id, d.id, CASE WHEN d.id % 1000 = 0 THEN now() END
      FROM deliveries d JOIN webhook_endpoints e ON e.id = d.endpoint_id WHERE d.status = 'pending';
    INSERT INTO delivery_attempts (event_id, delivery_id, number, started_at, duration_ms)
    SELECT event_id, id, 1, created_at, 5 FROM deliveries`);
  await client.query('ANALYZE');
  await client.end();
}, 120_000);
afterAll(() => practice.close());

const TYPES = [undefined, 'payment.created', 'payment.failed', 'payment.review_required'];
const TIMES = [undefined, new Date('2026-01-01T00:02:00Z'), new Date()];
const PLACES = [null, { createdAt: new Date('2026-01-10'), id: '20000' }];
const STATUSES = [undefined, 'pending', 'delivered', 'failed', 'canceled'] as const;

test('a page of deliveries by any combination of filters reads little of a big table', async () => {
  const dear: object[] = [];
  let count = 0;
  for (const endpoint of [healthy, down])
    for (const eventType of TYPES)
      for (const status of STATUSES)
        for (const createdAfter of TIMES)
          for (const after of PLACES) {
            // No index has the status: these few among many failures are found by reading the endpoint's deliveries.
            if (status === 'delivered' && endpoint === down) continue;
            const filter = { endpoint, eventType, status, createdAfter, after, limit: PAGE };
            const buffers = await buffersOf(practice, deliveriesStatement(filter));
            count += 1;
            if (buffers >= MOST_BUFFERS) dear.push({ ...filter, buffers });
          }
  expect(dear).toEqual([]);
  expect(count).toBe(216);
}, 60_000);

test('a page of events by any combination of filters reads little of a big table', async () => {
  const dear: object[] = [];
  for (const type of TYPES)
    for (const createdAfter of TIMES)
      for (const after of PLACES)
        for (const more of [{}, { jobId: 1n }, { paymentId: '0'.repeat(32) }]) {
          const filter = { clientPk: practice.clientPk, type, createdAfter, after, limit: PAGE, ...more };
          const buffers = await buffersOf(practice, eventsStatement(filter));
          if (buffers >= MOST_BUFFERS) dear.push({ ...filter, buffers });
        }
  expect(
    dear.map((each) => JSON.stringify(each, (_, value) => (typeof value === 'bigint' ? 1 : value))),
  ).toEqual([]);
});

test('what is found is what is there, in order, page by page', async () => {
  const { database } = practice;
  const page = (filter: Partial<DeliveryFilter>) =>
    listDeliveries({ database }, { endpoint: healthy, after: null, limit: PAGE, ...filter });
  const ids = async (filter: Partial<DeliveryFilter>) => (await page(filter)).map(({ eventId }) => eventId);
  expect(await ids({ eventType: 'payment.failed' })).toEqual(['evt_3', 'evt_2', 'evt_1']);
  expect(await ids({ status: 'failed' })).toEqual(['evt_6', 'evt_5', 'evt_2']);
  expect(await ids({ status: 'failed', eventType: 'payment.failed' })).toEqual(['evt_2']);
  expect(await ids({ status: 'canceled' })).toEqual(['evt_8', 'evt_7']);
  const pending = await page({ status: 'pending' });
  expect(pending.map(({ eventId }) => eventId)).toEqual(['evt_9', 'evt_3']);
  expect(pending.every(({ nextAttemptAt }) => nextAttemptAt !== null)).toBe(true);
  expect(await ids({ createdAfter: new Date() })).toEqual([]);

  const walked: string[] = [];
  let after: DeliveryFilter['after'] = null;
  for (;;) {
    const rows = await page({ after, createdAfter: new Date('2026-02-11T15:00:00Z'), limit: 7 });
    walked.push(...rows.map(({ eventId }) => eventId));
    const last = rows.at(-1);
    if (last === undefined) break;
    after = { createdAt: last.createdAt, id: last.id };
  }
  const newest = EVENTS;
  expect(walked).toEqual(Array.from({ length: walked.length }, (_, n) => `evt_${newest - n}`));
  expect(walked.length).toBeGreaterThan(14);
});

test('a client that has deleted thousands of endpoints reads only those that are left', async () => {
  const { database, clientPk } = practice;
  await database.pool.query(
    `WITH lane AS (INSERT INTO lanes (kind, concurrency) SELECT 'endpoint', 1 FROM generate_series(1, 5000) RETURNING id)
     INSERT INTO webhook_endpoints (id, client_pk, lane_id, url, deleted_at)
     SELECT 'we_gone_' || id, $1, id, 'https://example.com/gone', now() FROM lane`,
    [clientPk],
  );
  await practice.owner.pool.query('ANALYZE webhook_endpoints');
  const asked: { text: string; values: unknown[] }[] = [];
  const query = async (statement: { text: string; values: unknown[] }) => {
    asked.push(statement);
    return { rows: [] };
  };
  const explained = { pool: { query: query as unknown as typeof database.pool.query } };
  await pageOfEndpoints({ database: explained }, { clientPk, after: null, limit: PAGE });
  const [listed] = asked;
  if (listed === undefined) throw new Error('nothing was asked');
  expect(await buffersOf(practice, listed)).toBeLessThan(30);
});
