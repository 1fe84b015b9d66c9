import { openTestDatabase, type TestDatabase } from '@emr-payments/testkit';
import { Client } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Database, openDatabase } from './database.ts';
import { CLAIMED, setStatement } from './set-statement.ts';
import { openSets, type Sets } from './sets.ts';
import { DatabaseUnavailableError, queryInSet } from './statements.ts';

let server: TestDatabase;
let database: Database;

/** Raises the job's fence and writes a number, which is also the job's; returns the transaction. The table refuses zero. */
const ADD = setStatement({
  name: 'add',
  columns: { job_id: 'bigint', fence: 'int', n: 'int', label: 'text' },
  text: `job AS (
      UPDATE jobs SET fence = jobs.fence + 1 FROM asked WHERE ${CLAIMED} RETURNING asked.*
    ), added AS (
      INSERT INTO numbers SELECT n, label FROM job
    )
    SELECT job_id, n, pg_current_xact_id()::text AS xact FROM job`,
});
type Added = { n: number; xact: string };
type Input = { job: number; fence?: number; n?: number; label?: string; sets?: Sets };

const add = ({ job, fence = 0, n = job, label = '', sets = database.sets }: Input) =>
  queryInSet<Added>({ database: { pool: database.pool, sets } }, ADD, { job_id: job, fence, n, label });
const addAll = (jobs: number[]) => Promise.all(jobs.map((job) => add({ job })));
const settled = (inputs: Input[]) => Promise.allSettled(inputs.map(add));
const statuses = (ends: PromiseSettledResult<unknown>[]) => ends.map(({ status }) => status);
const transactions = (ends: (Added | undefined)[]) => new Set(ends.map((end) => end?.xact));
const sql = async (text: string) => (await database.pool.query(text)).rows;
const written = async () => (await sql('SELECT n FROM numbers ORDER BY n')).map(({ n }: { n: number }) => n);

/** Connections that wait for a lock. */
const WAITING = `SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`;
const untilWaiting = (howMany: number) =>
  expect.poll(async () => (await database.pool.query(WAITING)).rowCount, { timeout: 10_000 }).toBe(howMany);

/** Another session, in a transaction. */
async function session(): Promise<Client> {
  const client = new Client({ connectionString: server.url });
  await client.connect();
  await client.query('BEGIN');
  return client;
}

beforeAll(async () => {
  server = await openTestDatabase();
  database = openDatabase({ url: server.url, poolSize: 4, applicationName: 'test' });
  await sql('CREATE TABLE numbers (n int PRIMARY KEY CHECK (n <> 0), label text)');
  await sql(`INSERT INTO lanes (kind, concurrency) VALUES ('connection', 4)`);
});
beforeEach(async () => {
  await sql('TRUNCATE numbers, jobs');
  await sql(
    `INSERT INTO jobs (id, kind, lane_id) SELECT n, 'post_payment', (SELECT min(id) FROM lanes) FROM generate_series(0, 400) AS n`,
  );
});
afterAll(async () => {
  await database.close();
  await server.drop();
});

describe('inputs that come together', () => {
  test('are one statement and one commit, and each gets its own row', async () => {
    const rows = await addAll([3, 1, 2]);
    expect(rows.map((row) => row?.n)).toEqual([3, 1, 2]);
    expect(transactions(rows).size).toBe(1);
    expect(await written()).toEqual([1, 2, 3]);
  });

  test('with a fence that is not the present one get nothing, and change nothing', async () => {
    const rows = await Promise.all([add({ job: 1 }), add({ job: 2, fence: 7 }), add({ job: 999 })]);
    expect(rows.map((row) => row?.n)).toEqual([1, undefined, undefined]);
    expect(await written()).toEqual([1]);
  });

  test('about one job never share a set: the first has the claim, the others find it gone', async () => {
    const rows = await Promise.all([
      add({ job: 1 }),
      add({ job: 2 }),
      add({ job: 1, n: 11 }),
      add({ job: 2, n: 12, fence: 1 }),
      add({ job: 3 }),
    ]);
    // The fourth has the fence that the second left behind.
    expect(rows.map((row) => row?.n)).toEqual([1, 2, undefined, 12, 3]);
    expect(await written()).toEqual([1, 2, 3, 12]);
  });

  test('lose nothing by one that fails, which gets its own error', async () => {
    const ends = await settled([{ job: 1 }, { job: 0 }, { job: 2 }]);
    expect(statuses(ends)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(ends[1]).toMatchObject({ reason: { code: '23514' } });
    expect(await written()).toEqual([1, 2]);
  });

  test('lose nothing by one that only the commit refuses', async () => {
    await sql(`
      CREATE FUNCTION refuse_13() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN IF NEW.n = 13 THEN RAISE check_violation; END IF; RETURN NULL; END';
      CREATE CONSTRAINT TRIGGER refuse_13 AFTER INSERT ON numbers DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION refuse_13()`);
    const ends = await settled([{ job: 11 }, { job: 13 }, { job: 12 }]);
    await sql('DROP TRIGGER refuse_13 ON numbers; DROP FUNCTION refuse_13');
    expect(statuses(ends)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(ends[1]).toMatchObject({ reason: { code: '23514' } });
    expect(await written()).toEqual([11, 12]);
  });

  test('lose nothing by a value that the server cannot read', async () => {
    const ends = await settled([{ job: 1 }, { job: 2, label: 'b\u0000' }, { job: 3 }]);
    expect(statuses(ends)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(await written()).toEqual([1, 3]);
  });

  test('keep every character of a text', async () => {
    const labels = ['{"a":"b,\\c"}', 'NULL', '', ' x ', "it's", '"', '\\', '💳\n\t'];
    await Promise.all(labels.map((label, n) => add({ job: n + 1, label })));
    const rows = await sql('SELECT label FROM numbers ORDER BY n');
    expect(rows.map(({ label }: { label: string }) => label)).toEqual(labels);
  });

  test('are all run when there are more than one set takes', async () => {
    const many = Array.from({ length: 333 }, (_, n) => n + 1);
    await addAll(many);
    expect(await written()).toEqual(many);
  });

  test('a single one runs as the single statement', async () => {
    const lost = openSets({ alone: database, config: { url: 'postgres://127.0.0.1:1/none' } });
    expect(await add({ job: 7, sets: lost })).toMatchObject({ n: 7 });
    await lost.close();
    expect(await written()).toEqual([7]);
  });
});

describe('sets that want the same rows in different orders', () => {
  test('wait for each other', async () => {
    const other = openDatabase({ url: server.url, poolSize: 1, applicationName: 'test-2' });
    const blocker = await session();
    await blocker.query('UPDATE jobs SET tries = tries WHERE id = 3');
    const sets = [
      Promise.all([1, 3, 2].map((job) => add({ job }))),
      Promise.all([2, 3, 1].map((job) => add({ job, sets: other.sets }))),
    ];
    await untilWaiting(2);
    await blocker.query('COMMIT');
    // A set that lost a deadlock would have been taken apart.
    const [first, second] = await Promise.all(sets);
    expect([first, second].map((rows = []) => rows.filter(Boolean).length).sort()).toEqual([0, 3]);
    await blocker.end();
    await other.close();
  });

  test('never deadlock, in hundreds of overlapping ones', async () => {
    const count = `SELECT deadlocks::int AS n FROM pg_stat_database WHERE datname = current_database()`;
    const before = await sql(count);
    const others = [1, 2].map(() => openSets({ alone: database, config: { url: server.url } }));
    // The fence stays, so that all of them want the rows; each is written, so that it stays locked until the commit.
    const TOUCH = setStatement({
      name: 'touch',
      columns: { job_id: 'bigint', fence: 'int' },
      text: `job AS (UPDATE jobs SET tries = (jobs.tries + 1) % 1000 FROM asked WHERE ${CLAIMED} RETURNING jobs.id) SELECT id AS job_id FROM job`,
    });
    const order = Array.from({ length: 40 }, (_, n) => [n + 1, 0]);
    const rounds = async (sets: Sets, inputs: number[][]) => {
      for (let n = 0; n < 100; n += 1) expect((await sets.runSet(TOUCH, inputs)).length).toBe(40);
    };
    await Promise.all(others.flatMap((sets) => [rounds(sets, order), rounds(sets, order.toReversed())]));
    await Promise.all(others.map((sets) => sets.close()));
    expect(await sql(count)).toEqual(before);
  }, 60_000);
});

test('a connection that breaks before the commit is reported as an outage, and nothing is done', async () => {
  const blocker = await session();
  await blocker.query('LOCK TABLE numbers');
  const ends = settled([{ job: 1 }, { job: 2 }]);
  await untilWaiting(1);
  await sql(`SELECT pg_terminate_backend(pid) FROM (${WAITING}) AS stuck`);
  for (const end of await ends) {
    expect(end).toMatchObject({ status: 'rejected', reason: expect.any(DatabaseUnavailableError) });
  }
  await blocker.query('ROLLBACK');
  await blocker.end();
  expect(await written()).toEqual([]);
  expect(await add({ job: 5 })).toMatchObject({ n: 5 });
});

test('a row that is locked for longer than a statement may take holds nobody else', async () => {
  const impatient = openDatabase({
    url: server.url,
    poolSize: 4,
    applicationName: 'impatient',
    statementMs: 300,
  });
  const blocker = await session();
  await blocker.query('UPDATE jobs SET tries = tries WHERE id = 2');
  const ends = await settled([1, 2, 3].map((job) => ({ job, sets: impatient.sets })));
  expect(statuses(ends)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(ends[1]).toMatchObject({ reason: expect.any(DatabaseUnavailableError) });
  await blocker.query('ROLLBACK');
  await blocker.end();
  await impatient.close();
  expect(await written()).toEqual([1, 3]);
});

test('a server that cannot be reached is an outage for each of them', async () => {
  const away = openDatabase({ url: 'postgres://127.0.0.1:1/none', poolSize: 1, applicationName: 'away' });
  for (const end of await settled([1, 2].map((job) => ({ job, sets: away.sets })))) {
    expect(end).toMatchObject({ reason: expect.any(DatabaseUnavailableError) });
  }
  await away.close();
  expect(await written()).toEqual([]);
});

test('a server that takes no connection for them has each done by itself, on one that is open', async () => {
  const name = new URL(server.url).pathname.slice(1);
  // The connections of the tests are a superuser's: not refused.
  await sql(`ALTER DATABASE "${name}" CONNECTION LIMIT 1`);
  const sets = openSets({ alone: database, config: { url: server.appUrl } });
  const rows = await Promise.all([1, 2, 3].map((job) => add({ job, sets })));
  expect(rows.map((row) => row?.n)).toEqual([1, 2, 3]);
  const inTurn = await sets.run<Added>(ADD, [4, 0, 4, ''], { turn: 4711 });
  expect(inTurn).toMatchObject({ n: 4 });
  expect(await written()).toEqual([1, 2, 3, 4]);
  await sets.close();
  await sql(`ALTER DATABASE "${name}" CONNECTION LIMIT -1`);
});

test('a connection whose first statement fails has each done by itself, and sets again once it does not', async () => {
  let isCut = true;
  // As the guard against lost commits, whose error has one of pg as its cause.
  const onOpen = async () => {
    const cause = Object.assign(new Error('Connection terminated unexpectedly'), { code: 'ECONNRESET' });
    if (isCut) throw new DatabaseUnavailableError('PostgreSQL cannot be reached', { cause });
  };
  const sets = openSets({ alone: database, config: { url: server.url, onOpen } });
  const next = (job: number) => Promise.all([add({ job, sets }), add({ job: job + 1, sets })]);
  try {
    expect(transactions(await next(1)).size).toBe(2);
    expect(transactions(await next(3)).size).toBe(2);
    isCut = false;
    const later = Array.from({ length: 190 }, (_, n) => 5 + 2 * n).values();
    await expect
      .poll(async () => transactions(await next(later.next().value ?? 0)).size, {
        timeout: 15_000,
        interval: 100,
      })
      .toBe(1);
  } finally {
    await sets.close();
  }
});

test('after a failover the connection to the former primary is given up', async () => {
  const name = 'sets on a standby';
  const settings = { default_transaction_read_only: 'on' };
  const config = { url: server.url, application_name: name, settings };
  const sets = openSets({ alone: database, config });
  // Each was run again by itself, on a connection to the new primary.
  expect(statuses(await settled([1, 2].map((job) => ({ job, sets }))))).toEqual(['fulfilled', 'fulfilled']);
  await vi.waitFor(
    async () => {
      const sessions = `SELECT FROM pg_stat_activity WHERE application_name = '${name}'`;
      expect((await database.pool.query(sessions)).rowCount).toBe(0);
    },
    { timeout: 20_000 },
  );
  await sets.close();
});

test('after a migration changed what a prepared statement returns, sets go on', async () => {
  const READ = setStatement({
    name: 'read-label',
    columns: { job_id: 'bigint', fence: 'int' },
    text: `job AS (SELECT asked.job_id FROM asked JOIN jobs ON ${CLAIMED})
      SELECT job_id, label, pg_current_xact_id()::text AS xact FROM job JOIN labels USING (job_id)`,
  });
  await sql(`CREATE TABLE labels (job_id bigint, label smallint); INSERT INTO labels VALUES (1, 1), (2, 2)`);
  const prepared = openDatabase({ url: server.url, poolSize: 4, applicationName: 'prepared before' });
  const read = () =>
    Promise.all(
      [1, 2].map((job) => queryInSet<Added>({ database: prepared }, READ, { job_id: job, fence: 0 })),
    );
  await read();
  await sql('ALTER TABLE labels ALTER COLUMN label SET DATA TYPE int');
  // The set meets the stale plan: its inputs are run by themselves, on connections that have none.
  expect((await read()).every((row) => row !== undefined)).toBe(true);
  // From now on they share a commit again.
  expect(transactions(await read()).size).toBe(1);
  await prepared.close();
});
