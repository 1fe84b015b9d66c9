import { newEventId } from '@emr-payments/contracts';
import { openTestDatabase, type TestDatabase } from '@emr-payments/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Database, openDatabase } from '../core/database.ts';
import { redeliverEvents } from './redeliver-event.ts';

const EVENTS = 30_000;
const SET = 100;
const ENDPOINTS = 50;
const BY = { actor: 'test', source: 'test' };

let server: TestDatabase;
let owner: Database;
/** As the API opens it, with one connection: what is planned once stays planned. */
let together: Database;
let clientPk: number;
const events: string[] = [];

const sql = async <Row = Record<string, unknown>>(text: string, values: unknown[] = []): Promise<Row[]> =>
  (await owner.pool.query(text, values)).rows;

beforeAll(async () => {
  server = await openTestDatabase();
  owner = openDatabase({ url: server.url, poolSize: 2, applicationName: 'test owner', statementMs: 60_000 });
  together = openDatabase({ url: server.appUrl, poolSize: 1, applicationName: 'test', plannedOnce: true });
  const [client] = await sql<{ id: number }>(
    `INSERT INTO clients (client_id, name) VALUES ('ci_plans', 'Client') RETURNING id`,
  );
  clientPk = client?.id ?? 0;
  await sql(
    `WITH lane AS (INSERT INTO lanes (kind, concurrency) SELECT 'endpoint', 64 FROM generate_series(1, $2) RETURNING id)
     INSERT INTO webhook_endpoints (id, client_pk, lane_id, url, event_types)
     SELECT 'we_' || row_number() OVER (), $1, id, 'https://example.com/' || id, '{}' FROM lane`,
    [clientPk, ENDPOINTS],
  );
  // The plan is of a partition that is empty, as the present one is after a partition was made.
  const nothing = { eventId: newEventId(), clientPk, endpointId: null, by: BY };
  await redeliverEvents({ database: together }, [nothing, nothing]);
  events.push(...Array.from({ length: EVENTS }, newEventId));
  await sql(
    `INSERT INTO events (id, client_pk, type, body) SELECT id, $2, 'payment.created', '{}' FROM unnest($1::text[]) AS id`,
    [events, clientPk],
  );
  await sql(
    `INSERT INTO deliveries (event_id, endpoint_id, event_type, status, finished_at)
     SELECT id, 'we_1', 'payment.created', 'failed', now() FROM unnest($1::text[]) AS id`,
    [events],
  );
}, 120_000);
afterAll(async () => {
  await Promise.all([together.close(), owner.close()]);
  await server.drop();
});

/** Entries that the statements of this connection have read in the indexes of deliveries. */
async function indexEntriesRead(): Promise<number> {
  await together.pool.query('SELECT pg_stat_force_next_flush()');
  const [row] = await sql<{ entries: number }>(
    `SELECT sum(idx_tup_read)::int AS entries FROM pg_stat_user_indexes WHERE relname LIKE 'deliveries%'`,
  );
  return row?.entries ?? 0;
}

test('a set reads little of a partition that has filled since the statement was planned', async () => {
  const inputs = Array.from({ length: SET }, (_, n) => ({
    eventId: events[n * 200] ?? '',
    clientPk,
    endpointId: 'we_1',
    by: BY,
  }));
  const before = await indexEntriesRead();
  const outcomes = await redeliverEvents({ database: together }, inputs);
  expect(outcomes).toEqual(inputs.map(() => ({ outcome: 'redelivering', endpointIds: ['we_1'] })));
  // It finds, locks and writes each of them.
  expect((await indexEntriesRead()) - before).toBeLessThan(10 * SET);
});

test('a set of events for all endpoints that a client may have is written within the time that a statement has', async () => {
  const inputs = events.slice(-SET).map((eventId) => ({ eventId, clientPk, endpointId: null, by: BY }));
  await sql('TRUNCATE jobs; DELETE FROM deliveries');
  for (const about of ['without a delivery', 'with one that failed']) {
    const outcomes = await redeliverEvents({ database: together }, inputs);
    const sent = outcomes.flatMap((each) => (each.outcome === 'redelivering' ? each.endpointIds : []));
    expect(sent, about).toHaveLength(SET * ENDPOINTS);
    const jobs = await sql(
      `SELECT count(*)::int AS n FROM (SELECT DISTINCT j.lane_id, j.delivery_id, j.event_id FROM jobs j
         JOIN deliveries d ON d.event_id = j.event_id AND d.id = j.delivery_id
         JOIN webhook_endpoints e ON e.id = d.endpoint_id AND e.lane_id = j.lane_id) each`,
    );
    expect(jobs, about).toEqual([{ n: SET * ENDPOINTS }]);
    await sql(
      `TRUNCATE jobs; UPDATE deliveries SET status = 'failed', finished_at = now() WHERE status = 'pending'`,
    );
  }
}, 60_000);
