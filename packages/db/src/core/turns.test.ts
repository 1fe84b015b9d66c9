import { openTestDatabase, type TestDatabase } from '@emr-payments/testkit';
import { Client } from 'pg';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { type Database, openDatabase } from './database.ts';
import { DatabaseUnavailableError, query } from './statements.ts';

let server: TestDatabase;
let database: Database;
let other: Database;
const TURN = 7;

/** Writes the next number after those that it sees: two that do not see each other write the same one, which is refused. */
const NEXT = { name: 'next', text: 'INSERT INTO turns SELECT count(*) + $1::int FROM turns RETURNING n' };
const next = ({ inTurn }: Database, plus = 0) => inTurn({ turn: TURN, statement: NEXT, values: [plus] });
const written = async () =>
  (await database.pool.query<{ n: number }>('SELECT n FROM turns ORDER BY n')).rows.map(({ n }) => n);
const WAITING = `SELECT pid FROM pg_stat_activity WHERE wait_event = 'advisory' AND datname = current_database()`;

beforeAll(async () => {
  server = await openTestDatabase();
  const options = { url: server.url, poolSize: 2, applicationName: 'test' };
  database = openDatabase(options);
  other = openDatabase(options);
  await database.pool.query('CREATE TABLE turns (n int PRIMARY KEY CHECK (n < 100))');
});
beforeEach(() => database.pool.query('TRUNCATE turns'));
afterAll(async () => {
  await database.close();
  await other.close();
  await server.drop();
});

test('each turn sees what the one before it has committed', async () => {
  await Promise.all(Array.from({ length: 40 }, (_, n) => next(n % 2 === 0 ? database : other)));
  expect(await written()).toEqual(Array.from({ length: 40 }, (_, n) => n));
});

test('a statement that is refused does nothing, and ends its turn', async () => {
  await expect(next(database, 100)).rejects.toMatchObject({ code: '23514' });
  expect(await next(other)).toEqual([{ n: 0 }]);
  expect(await next(database)).toEqual([{ n: 1 }]);
});

test('a connection that breaks is an outage; the next turn has another', async () => {
  const blocker = new Client({ connectionString: server.url });
  await blocker.connect();
  await blocker.query('SELECT pg_advisory_lock($1)', [TURN]);
  const turn = next(database).catch((error: unknown) => error);
  await expect.poll(async () => (await database.pool.query(WAITING)).rowCount).toBe(1);
  await database.pool.query(`SELECT pg_terminate_backend(pid) FROM (${WAITING}) AS stuck`);
  expect(await turn).toBeInstanceOf(DatabaseUnavailableError);
  await blocker.end();
  expect(await next(database)).toEqual([{ n: 0 }]);
});

test('a process that stops in the middle of its turn keeps the others waiting for two seconds', async () => {
  // A message that was cut off after the lock leaves a transaction that idles.
  const statement = {
    name: 'settings',
    text: `SELECT current_setting('idle_in_transaction_session_timeout') AS "for"`,
  };
  expect(await database.inTurn({ turn: TURN, statement, values: [] })).toEqual([{ for: '2s' }]);
});

test('two statements under one name are refused, on every connection and in every pool', async () => {
  const run = (text: string) => query({ database }, { name: 'same', text }, []);
  await run('SELECT 1');
  await Promise.all(
    Array.from({ length: 4 }, () =>
      expect(run('SELECT 2')).rejects.toThrow('two statements have the name same'),
    ),
  );
  const statement = { name: 'same', text: 'SELECT 3' };
  await expect(database.inTurn({ turn: TURN, statement, values: [] })).rejects.toThrow('the name same');
  expect(await run('SELECT 1')).toHaveLength(1);
});

test('without a connection of its own, a turn is taken on one of the others, and is still one', async () => {
  await database.pool.query(`GRANT ALL ON turns TO "${new URL(server.appUrl).username}"`);
  const refused = openDatabase({ url: server.appUrl, poolSize: 2, applicationName: 'test' });
  onTestFinished(() => refused.close());
  await refused.ping();
  const limit = (to: number) =>
    database.pool.query(`ALTER DATABASE "${new URL(server.url).pathname.slice(1)}" CONNECTION LIMIT ${to}`);
  await limit(1);
  onTestFinished(async () => void (await limit(-1)));
  await Promise.all(Array.from({ length: 20 }, (_, n) => next(n % 2 === 0 ? refused : other)));
  expect(await written()).toEqual(Array.from({ length: 20 }, (_, n) => n));
  // One that is being opened counts until it is refused.
  await expect
    .poll(() => [refused.pools.turn.totalCount, refused.pools.general.totalCount], { timeout: 30_000 })
    .toEqual([0, 1]);
});

test('while its connection is still being opened, a turn is taken on one of the others', async () => {
  const opening = Promise.withResolvers<void>();
  const slow = openDatabase({
    url: server.url,
    poolSize: 2,
    applicationName: 'slow',
    async onOpen(client) {
      const { rows } = await client.query('SHOW application_name');
      if (rows[0].application_name === 'slow turns') await opening.promise;
    },
  });
  onTestFinished(() => slow.close());
  onTestFinished(() => opening.resolve());
  expect(await next(slow)).toEqual([{ n: 0 }]);
  expect(await Promise.all([next(slow), next(slow)])).toEqual([[{ n: 1 }], [{ n: 2 }]]);
});
