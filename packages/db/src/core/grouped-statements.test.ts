import { openTestDatabase, type TestDatabase } from '@emr-payments/testkit';
import { Client } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Database, openDatabase } from './database.ts';
import { groupStatements } from './grouped-statements.ts';
import { DatabaseUnavailableError, query } from './statements.ts';

let server: TestDatabase;
let database: Database;

/** Inserts a number and returns the transaction that did it. The table refuses zero. */
const ADD = {
  name: 'add',
  text: 'INSERT INTO numbers VALUES ($1) RETURNING pg_current_xact_id()::text AS xact',
};
const add = (n: number) => query<{ xact: string }>({ database: database.grouped }, ADD, [n]);
const written = async () =>
  (await database.pool.query<{ n: number }>('SELECT n FROM numbers ORDER BY n')).rows.map(({ n }) => n);

/** Connections that wait for a lock. */
const WAITING = `SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`;

beforeAll(async () => {
  server = await openTestDatabase();
  database = openDatabase({ url: server.url, poolSize: 4, applicationName: 'test' });
  await database.pool.query('CREATE TABLE numbers (n int PRIMARY KEY CHECK (n <> 0))');
});
beforeEach(() => database.pool.query('TRUNCATE numbers'));
afterAll(async () => {
  await database.close();
  await server.drop();
});

describe('statements that come together', () => {
  test('share one commit, and each gets its own rows', async () => {
    const rows = await Promise.all([3, 1, 2].map(add));
    expect(rows.map(([row]) => row?.xact)).toEqual(Array(3).fill(rows[0]?.[0]?.xact));
    expect(await written()).toEqual([1, 2, 3]);
  });

  test('one that fails takes nothing from the others', async () => {
    const ends = await Promise.allSettled([1, 0, 2].map(add));
    expect(ends.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(ends[1]).toMatchObject({ reason: { code: '23514' } });
    expect(await written()).toEqual([1, 2]);
  });

  test('one that only the commit refuses takes nothing from the others', async () => {
    await database.pool.query(`
      CREATE FUNCTION refuse_13() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN IF NEW.n = 13 THEN RAISE check_violation; END IF; RETURN NULL; END';
      CREATE CONSTRAINT TRIGGER refuse_13 AFTER INSERT ON numbers DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION refuse_13()`);
    const ends = await Promise.allSettled([11, 13, 12].map(add));
    await database.pool.query('DROP TRIGGER refuse_13 ON numbers; DROP FUNCTION refuse_13');
    expect(ends.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(ends[1]).toMatchObject({ reason: { code: '23514' } });
    expect(await written()).toEqual([11, 12]);
  });

  test('a value that the server cannot read takes nothing from the others', async () => {
    const text = (value: string) =>
      query({ database: database.grouped }, { name: 'text', text: 'SELECT $1::text AS value' }, [value]);
    const ends = await Promise.allSettled(['a', 'b\u0000', 'c'].map(text));
    expect(ends.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });

  test('more than one group takes are all run', async () => {
    const many = Array.from({ length: 333 }, (_, n) => n + 1);
    await Promise.all(many.map(add));
    expect(await written()).toEqual(many);
  });

  test('a lone one runs without a transaction around it', async () => {
    expect(await add(7)).toHaveLength(1);
    expect(await written()).toEqual([7]);
  });

  test('groups that want the same rows in different orders wait for each other', async () => {
    await Promise.all([1, 2, 3].map(add));
    const other = openDatabase({ url: server.url, poolSize: 1, applicationName: 'test-2' });
    const text = 'UPDATE numbers SET n = n WHERE n = $1 RETURNING pg_current_xact_id()::text AS xact';
    const touch = ({ grouped }: Database, order: number[]) =>
      Promise.all(
        order.map((n) => query<{ xact: string }>({ database: grouped }, { name: 'touch', text }, [n])),
      );
    const blocker = new Client({ connectionString: server.url });
    await blocker.connect();
    await blocker.query('BEGIN');
    await blocker.query('UPDATE numbers SET n = n WHERE n = 3');
    const groups = [touch(database, [1, 3, 2]), touch(other, [2, 3, 1])];
    await expect.poll(async () => (await database.pool.query(WAITING)).rowCount).toBe(2);
    await blocker.query('COMMIT');
    // A group that lost a deadlock would have been taken apart.
    for (const rows of await Promise.all(groups)) {
      expect(new Set(rows.map(([row]) => row?.xact)).size).toBe(1);
    }
    await blocker.end();
    await other.close();
  });

  test('a connection that breaks before the commit is reported as an outage, and nothing is done', async () => {
    const blocker = new Client({ connectionString: server.url });
    await blocker.connect();
    await blocker.query('BEGIN');
    await blocker.query('LOCK TABLE numbers');
    const ends = Promise.allSettled([1, 2].map(add));
    await expect.poll(async () => (await database.pool.query(WAITING)).rowCount).toBe(1);
    await database.pool.query(`SELECT pg_terminate_backend(pid) FROM (${WAITING}) AS stuck`);
    for (const end of await ends) {
      expect(end).toMatchObject({ status: 'rejected', reason: expect.any(DatabaseUnavailableError) });
    }
    await blocker.query('ROLLBACK');
    await blocker.end();
    expect(await written()).toEqual([]);
    expect(await add(5)).toHaveLength(1);
  });
});

test('a server that cannot be reached is an outage for each of them', async () => {
  const alone = { pool: database.pool };
  const lost = groupStatements({ alone, config: { host: '127.0.0.1', port: 1 } });
  const ends = await Promise.allSettled([1, 2].map((n) => query({ database: lost }, ADD, [n])));
  for (const end of ends) expect(end).toMatchObject({ reason: expect.any(DatabaseUnavailableError) });
  await lost.close();
  expect(await written()).toEqual([]);
});

test('after a fail-over the connection to the former primary is given up', async () => {
  const name = 'grouped to a standby';
  const options = '-c default_transaction_read_only=on';
  const config = { connectionString: server.url, application_name: name, options };
  const groups = groupStatements({ alone: database, config });
  const ends = await Promise.allSettled([1, 2].map((n) => query({ database: groups }, ADD, [n])));
  // Each was run again by itself, on a connection to the new primary.
  expect(ends.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
  await vi.waitFor(async () => {
    const sessions = `SELECT FROM pg_stat_activity WHERE application_name = '${name}'`;
    expect((await database.pool.query(sessions)).rowCount).toBe(0);
  });
  await groups.close();
});

test('after a migration changed what a prepared statement returns, each connection fails once, as an outage, and is given up', async () => {
  await database.pool.query('CREATE TABLE counts (n smallint); INSERT INTO counts VALUES (1)');
  const text = 'SELECT n, $1::int AS of, pg_current_xact_id()::text AS xact FROM counts';
  const prepared = openDatabase({ url: server.url, poolSize: 1, applicationName: 'prepared before' });
  const read = (...ns: number[]) =>
    Promise.allSettled(
      ns.map((n) =>
        query<{ xact: string }>({ database: prepared.grouped }, { name: 'read-counts', text }, [n]),
      ),
    );
  await read(1, 2);
  await read(1);
  await database.pool.query('ALTER TABLE counts ALTER COLUMN n SET DATA TYPE int');
  // The group is taken apart, and its first statement meets the other connection, which has the plan too.
  const [first, second] = await read(1, 2);
  expect(first).toMatchObject({ status: 'rejected', reason: expect.any(DatabaseUnavailableError) });
  expect(second).toMatchObject({ status: 'fulfilled' });
  // From now on they share a commit again.
  const xacts = (await read(1, 2)).map((end) => end.status === 'fulfilled' && end.value[0]?.xact);
  expect(xacts[0]).toEqual(expect.any(String));
  expect(xacts[1]).toBe(xacts[0]);
  await prepared.close();
});
