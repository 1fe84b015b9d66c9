import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { openTestDatabase, type TestDatabase } from '@emr-payments/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Database, openDatabase } from './database.ts';
import {
  CONNECTION_MESSAGES,
  DatabaseUnavailableError,
  isFull,
  isMisfit,
  isUnavailable,
  query,
} from './statements.ts';

const withCode = (code: string, message: string) => Object.assign(new Error(message), { code });

const OUTAGES: [code: string, message: string][] = [
  ['08006', 'connection failure'],
  ['08P01', 'query_wait_timeout'],
  ['53300', 'sorry, too many clients already'],
  ['57P01', 'terminating connection due to administrator command'],
  ['57P03', 'the database system is starting up'],
  ['57P05', 'terminating connection due to idle-session timeout'],
  ['57014', 'canceling statement due to statement timeout'],
  ['55P03', 'canceling statement due to lock timeout'],
  ['25P03', 'terminating connection due to idle-in-transaction timeout'],
  ['25P04', 'terminating connection due to transaction timeout'],
  ['40001', 'could not serialize access due to concurrent update'],
  ['40P01', 'deadlock detected'],
  ['25006', 'cannot execute INSERT in a read-only transaction'],
  ['ECONNREFUSED', ''],
  ['ECONNRESET', 'read ECONNRESET'],
  ['EPIPE', 'write EPIPE'],
  ['ETIMEDOUT', 'connect ETIMEDOUT 192.0.2.1:5432'],
  ['ENOTFOUND', 'getaddrinfo ENOTFOUND db.invalid'],
  ['EAI_AGAIN', 'getaddrinfo EAI_AGAIN db'],
  ['EHOSTUNREACH', 'connect EHOSTUNREACH 192.0.2.1:5432'],
  ['ENETUNREACH', 'connect ENETUNREACH 192.0.2.1:5432'],
  ['ECONNABORTED', 'read ECONNABORTED'],
  ['EHOSTDOWN', 'read EHOSTDOWN'],
  ['ENETDOWN', 'write ENETDOWN'],
  ['ENETRESET', 'read ENETRESET'],
  ['ENOTCONN', 'read ENOTCONN'],
  ['ENOBUFS', 'write ENOBUFS'],
  ['EADDRNOTAVAIL', 'connect EADDRNOTAVAIL 192.0.2.1:5432'],
  ['EPROTO', 'write EPROTO'],
  ['EMFILE', 'getaddrinfo EMFILE'],
  ['ENFILE', 'getaddrinfo ENFILE'],
  ['CERT_HAS_EXPIRED', 'certificate has expired'],
  ['P1001', "Can't reach database server"],
  ['P2024', 'Timed out fetching a new connection'],
  ['P2028', 'Unable to start a transaction in the given time'],
  ['P2034', 'Transaction failed due to a write conflict'],
];

const MISTAKES: [code: string, message: string][] = [
  ['22023', 'invalid value for parameter "statement_timeout": "soon"'],
  ['23514', 'new row for relation "connections" violates check constraint "connections_timeout_check"'],
  ['42703', 'column "timeout" does not exist'],
  ['42P01', 'relation "timeouts" does not exist'],
  ['23505', 'duplicate key: ECONNREFUSED, Connection terminated, not queryable'],
  ['P0001', 'the audit log is append-only'],
  ['28P01', 'password authentication failed for user "timeout"'],
  ['XX000', 'Query read timeout'],
  ['ERR_INVALID_ARG_TYPE', 'The "timeout" argument must be of type number'],
];

describe('an error with a code is judged by the code alone', () => {
  test.each(OUTAGES)('%s is an outage: %s', (code, message) => {
    expect(isUnavailable(withCode(code, message))).toBe(true);
  });
  test.each(MISTAKES)('%s is a mistake: %s', (code, message) => {
    expect(isUnavailable(withCode(code, message))).toBe(false);
  });
});

test('an unknown code is an outage where a socket failed, and none where a file did', () => {
  const failing = (syscall: string, message: string) =>
    Object.assign(withCode('ESOMETHING', message), { syscall });
  const several = Object.assign(new AggregateError([failing('connect', 'connect ESOMETHING ::1:5432')]), {
    code: 'ESOMETHING',
  });
  expect(
    [
      failing('read', 'read ESOMETHING'),
      failing('getaddrinfo', 'getaddrinfo ESOMETHING db'),
      several,
      failing('read', 'ESOMETHING: what it means, read'),
      failing('open', "ESOMETHING: what it means, open '/keys'"),
    ].map(isUnavailable),
  ).toEqual([true, true, true, false, false]);
});

test('the socket of a local server that is gone is an outage, a file that is missing is not', () => {
  const missing = (syscall: string) => Object.assign(withCode('ENOENT', `${syscall} ENOENT`), { syscall });
  expect([missing('connect'), missing('open')].map(isUnavailable)).toEqual([true, false]);
});

test.each(['28P01', '28000', '3D000', '3F000', '42P01', '42703', '42883', '42501', '55000'])(
  '%s says that the database does not fit, and is no outage',
  (code) => {
    expect([isMisfit(withCode(code, '')), isUnavailable(withCode(code, ''))]).toEqual([true, false]);
  },
);

test.each([
  ['53300', 'entschuldigung, schon zu viele Clients'],
  ['08P01', 'no more connections allowed (max_client_conn)'],
  ['08P01', 'client connections exceeded (max_db_client_connections)'],
  ['08P01', 'too many connections for database "emr_payments"'],
  ['08P01', 'sorry, too many clients already'],
])('%s, “%s”, is a server that is full', (code, message) => {
  const error = withCode(code, message);
  expect(isFull(error)).toBe(true);
  expect(isFull(new DatabaseUnavailableError('away', { cause: error }))).toBe(true);
});

test.each([
  ['08P01', 'server login failed'],
  ['08006', 'sorry, too many clients already'],
  ['P0001', 'no more connections allowed'],
])('%s, “%s”, is none', (code, message) => {
  expect(isFull(withCode(code, message))).toBe(false);
});

test.each(['23505', '22P02', '42601', 'P0001', 'XX000', '57P01'])('%s does not say so', (code) => {
  expect(isMisfit(withCode(code, ''))).toBe(false);
});

describe('Prisma puts the server’s answer below its own code', () => {
  const prisma = (code: string, cause: object) =>
    Object.assign(withCode(code, ''), { meta: { driverAdapterError: { cause } } });
  test.each([
    ['P2039', { originalCode: '25006', kind: 'postgres' }, true, false],
    ['P2010', { originalCode: '57P01', kind: 'postgres' }, true, false],
    ['P2010', { kind: 'DatabaseNotReachable' }, true, false],
    ['P2034', { originalCode: '40P01', kind: 'TransactionWriteConflict' }, true, false],
    ['P2010', { originalCode: '42P01', kind: 'TableDoesNotExist' }, false, true],
    ['P1000', { originalCode: '28P01', kind: 'AuthenticationFailed' }, false, true],
    ['P2002', { originalCode: '23505', kind: 'UniqueConstraintViolation' }, false, false],
  ])('%s over %o', (code, cause, unavailable, misfit) => {
    const error = prisma(code, cause);
    expect([isUnavailable(error), isMisfit(error)]).toEqual([unavailable, misfit]);
  });
});

describe('an error without a code is an outage only with one of the messages of pg', () => {
  test.each([...CONNECTION_MESSAGES])('%s', (message) => {
    expect(isUnavailable(new Error(message))).toBe(true);
  });
  test.each(['the timeout of a test', 'Query values must be an array', 'connection terminated'])(
    'not: %s',
    (message) => {
      expect(isUnavailable(new Error(message))).toBe(false);
    },
  );
  test('not what is no error', () => {
    expect(isUnavailable('Connection terminated')).toBe(false);
  });

  test('each of the messages is in the source of the pg that is installed', () => {
    const pg = createRequire(createRequire(import.meta.url).resolve('pg'));
    const source = ['./client.js', './connection.js', 'pg-pool']
      .map((file) => readFileSync(pg.resolve(file), 'utf8'))
      .join();
    expect([...CONNECTION_MESSAGES].filter((message) => !source.includes(`'${message}'`))).toEqual([]);
  });
});

describe('errors of a real server', () => {
  let server: TestDatabase;
  let database: Database;
  const run = (text: string) => query({ database }, { text }, []);

  beforeAll(async () => {
    server = await openTestDatabase();
    database = openDatabase({ url: server.url, poolSize: 1, applicationName: 'test' });
  });
  afterAll(async () => {
    await database.close();
    await server.drop();
  });

  test('a value that the server refuses is a mistake, even if its sentence says timeout', async () => {
    const refused = run(`SELECT set_config('statement_timeout', 'soon', false)`);
    await expect(refused).rejects.toMatchObject({
      code: '22023',
      message: expect.stringContaining('timeout'),
    });
  });
  test('a broken CHECK named after a time-out is a mistake', async () => {
    await run('CREATE TABLE limits (ms int CONSTRAINT limits_timeout CHECK (ms > 0))');
    await expect(run('INSERT INTO limits VALUES (0)')).rejects.toMatchObject({ code: '23514' });
  });
  test('a statement that runs into its time-out is an outage', async () => {
    await run(`SELECT set_config('statement_timeout', '20ms', false)`);
    const late = run('SELECT pg_sleep(10)');
    await expect(late).rejects.toBeInstanceOf(DatabaseUnavailableError);
    await expect(late).rejects.toMatchObject({ cause: { code: '57014' } });
  });
});
