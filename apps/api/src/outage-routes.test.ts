import { randomBytes } from 'node:crypto';
import type { Database } from '@emr-payments/db';
import { createLogger } from '@emr-payments/runtime';
import { openRelay, type Relay } from '@emr-payments/testkit/relay';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type RouteRequest, requestsOfEveryRoute } from './testing/requests-of-every-route.ts';
import { openTestApi, type TestApi } from './testing/test-api.ts';

/** The API's own role: only of one that is no superuser does PostgreSQL check rights and limits. */
const ROLE = `outage_${randomBytes(6).toString('hex')}`;
const PATIENCE = { timeout: 30_000, interval: 50 };

const logger = createLogger('test', 'silent');
let api: TestApi;
let relay: Relay;
let requests: RouteRequest[];

const sql = (text: string) => api.database.pool.query(text);
const inDatabase = (text: string) => `DO $$ BEGIN EXECUTE format('${text}', current_database()); END $$`;
const endSessions = () =>
  sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '${ROLE}'`);

beforeAll(async () => {
  api = await openTestApi({
    logger,
    urlOf: async (url) => {
      relay = await openRelay(url);
      const own = new URL(relay.url);
      own.username = ROLE;
      own.password = 'right';
      return own.href;
    },
  });
  await sql(`CREATE ROLE ${ROLE} LOGIN PASSWORD 'right'`);
  await sql(`GRANT ALL ON ALL TABLES IN SCHEMA public TO ${ROLE}`);
  await sql(`GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO ${ROLE}`);
  requests = await requestsOfEveryRoute(api);
});
afterAll(async () => {
  relay.resume();
  await endSessions();
  await sql(`DROP OWNED BY ${ROLE}`);
  await sql(`DROP ROLE ${ROLE}`);
  await api.close();
  await relay.cut();
});

type Answer = { operation: string; method: string; status: number; code: unknown };

async function answerTo({ operation, request }: RouteRequest): Promise<Answer> {
  const { statusCode, headers, body } = await api.app.inject(request);
  const isJson = String(headers['content-type']).startsWith('application/json');
  return {
    operation,
    method: String(request.method),
    status: statusCode,
    code: isJson ? (JSON.parse(body) as { code?: unknown }).code : undefined,
  };
}

const answers = () => Promise.all(requests.map(answerTo));
/** All requests come at once from one client, so that some find its share of lists or of changes taken by those that wait. */
const isOutage = ({ status, code }: Answer) =>
  (status === 503 && code === 'service_unavailable') || (status === 429 && code === 'rate_limited');
/** `/test` of an endpoint sends and stores nothing, and a dry run gets as far as the EMR, which is not there. */
const isWrite = ({ method, operation, status }: Answer) =>
  method !== 'GET' && !operation.endsWith('/test') && status !== 502;

async function recovers(): Promise<void> {
  await vi.waitFor(async () => {
    expect((await api.app.inject('/health/ready')).json()).toMatchObject({ status: 'ok', reasons: [] });
    const read = requests.find(({ operation }) => operation === 'GET /v1/payments');
    expect((await api.app.inject(read?.request ?? '')).statusCode).toBe(200);
  }, PATIENCE);
}

const readiness = async () => {
  const { statusCode, ...answer } = await api.app.inject('/health/ready');
  return [statusCode, ...answer.json().reasons];
};

/** A check that takes longer than two seconds, on a machine that is busy, says at first that the server is late. */
const readinessSays = (reason: string) =>
  vi.waitFor(async () => expect(await readiness()).toEqual([503, reason]), PATIENCE);

test('the requests are those of every route that wants credentials', () => {
  const { paths } = JSON.parse(JSON.stringify(api.app.swagger())) as {
    paths: Record<string, Record<string, unknown>>;
  };
  const all = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const made = new Set(requests.map(({ operation }) => operation));
  expect([...made].sort()).toEqual(all.filter((name) => name.includes(' /v1/')).sort());
});

test('PostgreSQL stopped: every route is 503, and the log says so for some of them', async () => {
  const logged = vi.spyOn(logger, 'error');
  await relay.cut();
  const found = await answers();
  const failed = logged.mock.calls.filter(([, message]) => String(message) === 'request failed');
  logged.mockRestore();
  expect(await readiness()).toEqual([503, 'postgres_unreachable']);
  await relay.mend();
  expect(found.filter((answer) => !isOutage(answer))).toEqual([]);
  await recovers();
  expect(failed.length).toBeGreaterThan(0);
  expect(failed.length).toBeLessThan(found.length / 2);
});

test('the connection is lost with the answer: every route is 503', async () => {
  const found: Answer[] = [];
  for (const request of requests) {
    relay.loseAnswers(1_000);
    found.push(await answerTo(request));
    relay.loseAnswers(0);
  }
  expect(found.filter((answer) => !isOutage(answer))).toEqual([]);
  await recovers();
});

test('sessions are ended in the middle of a statement: every route is 503', async () => {
  const { rows } = await sql(`SELECT string_agg(format('%I', tablename), ', ') AS names FROM pg_tables
    WHERE schemaname = 'public' AND tablename <> '_prisma_migrations'`);
  const locked = await lockTables(api.database, rows[0]?.names);
  let open = true;
  const found = answers().finally(() => {
    open = false;
  });
  while (open) {
    await sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE usename = '${ROLE}' AND wait_event_type = 'Lock'`);
  }
  await locked.end();
  expect((await found).filter((answer) => !isOutage(answer))).toEqual([]);
  await recovers();
});

/** Locks tables on a connection of its own, so that every statement of others waits. */
async function lockTables(database: Database, names: string): Promise<{ end(): Promise<void> }> {
  const client = await database.pool.connect();
  await client.query('SET idle_in_transaction_session_timeout = 0');
  await client.query(`BEGIN; LOCK TABLE ${names} IN ACCESS EXCLUSIVE MODE`);
  return {
    async end() {
      await client.query('ROLLBACK');
      client.release();
    },
  };
}

test('PostgreSQL frozen: every route is 503 within seconds', async () => {
  relay.pause();
  const found = await answers();
  expect(await readiness()).toEqual([503, 'postgres_unreachable']);
  relay.resume();
  expect(found.filter((answer) => !isOutage(answer))).toEqual([]);
  await recovers();
});

test('a read-only server: reads go on, every write is 503, and readiness says it', async () => {
  await sql(inDatabase('ALTER DATABASE %I SET default_transaction_read_only = on'));
  await endSessions();
  const found = await answers();
  await readinessSays('postgres_read_only');
  await sql(
    `BEGIN; SET TRANSACTION READ WRITE; ${inDatabase('ALTER DATABASE %I SET default_transaction_read_only = off')}; COMMIT`,
  );
  expect(found.filter(({ status }) => status === 500)).toEqual([]);
  const writes = found.filter(isWrite);
  expect(writes.length).toBeGreaterThan(8);
  expect(writes.filter((answer) => !isOutage(answer))).toEqual([]);
  // The connections are still those to the read-only server. They have to be given up.
  await recovers();
});

test.each([
  [
    'our password is no longer right',
    `ALTER ROLE ${ROLE} PASSWORD 'other'`,
    `ALTER ROLE ${ROLE} PASSWORD 'right'`,
    'postgres_refused',
  ],
  [
    'no connection is free',
    `ALTER ROLE ${ROLE} CONNECTION LIMIT 0`,
    `ALTER ROLE ${ROLE} CONNECTION LIMIT -1`,
    'postgres_full',
  ],
  ['our login is gone', `ALTER ROLE ${ROLE} NOLOGIN`, `ALTER ROLE ${ROLE} LOGIN`, 'postgres_refused'],
])('%s: every route is 503', async (_name, begin, end, reason) => {
  await sql(begin);
  await endSessions();
  const found = await answers();
  await readinessSays(reason);
  await sql(end);
  expect(found.filter((answer) => !isOutage(answer))).toEqual([]);
  await recovers();
});

test('our rights are gone: every route is 503, and readiness says it', async () => {
  await sql(`REVOKE ALL ON ALL TABLES IN SCHEMA public FROM ${ROLE}`);
  const found = await answers();
  expect(await readiness()).toEqual([503, 'postgres_refused']);
  await sql(`GRANT ALL ON ALL TABLES IN SCHEMA public TO ${ROLE}`);
  expect(found.filter((answer) => !isOutage(answer))).toEqual([]);
  await recovers();
});

test('the schema is older than this version: not ready, and no route is 500', async () => {
  const { rows } = await sql('SELECT max(migration_name) AS name FROM _prisma_migrations');
  const last = rows[0]?.name as string;
  await sql(`UPDATE _prisma_migrations SET finished_at = NULL WHERE migration_name = '${last}'`);
  await readinessSays('schema_behind');
  await sql(`UPDATE _prisma_migrations SET finished_at = now() WHERE migration_name = '${last}'`);
  await sql(
    `INSERT INTO _prisma_migrations (id, checksum, migration_name) VALUES ('n', 'n', '29990101000000_newer')`,
  );
  expect(await readiness()).toEqual([200]);

  await sql('ALTER SCHEMA public RENAME TO another');
  await endSessions();
  const found = await answers();
  await readinessSays('schema_behind');
  await sql('ALTER SCHEMA another RENAME TO public');
  expect(found.filter((answer) => !isOutage(answer))).toEqual([]);
  await recovers();
});
