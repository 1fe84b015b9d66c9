import { PrismaPg } from '@prisma/adapter-pg';
import { Pool, type QueryResultRow, types } from 'pg';
import { PrismaClient } from '../generated/client.ts';
import { groupStatements } from './grouped-statements.ts';

/** PostgreSQL cannot be reached or does not answer in time. What was asked may or may not have been done. */
export class DatabaseUnavailableError extends Error {
  override name = 'DatabaseUnavailableError';
}

export type Database = {
  pool: Pool;
  /**
   * For the statements of many jobs at once, each of rows of its own: those that come together are committed together.
   * Not for what writes rows that jobs share, such as lanes: a group keeps its rows locked until its end.
   */
  grouped: Statements;
  /** For everything that is not hot. It borrows from the same pool. */
  prisma: PrismaClient;
  /** Rejects with DatabaseUnavailableError when there is no answer within 2 s. */
  ping(): Promise<void>;
  close(): Promise<void>;
};

/** What statements run on: the pool, or the one connection of a transaction (`inTransaction`). */
export type Statements = { pool: Pick<Pool, 'query'> };

/** First parameter of every function that runs a statement. */
export type StatementDeps = { database: Statements };

/**
 * A statement with a name, so that each connection parses and plans it once. Without one it is planned at every call, for
 * the values of that call: for filters that are combined freely.
 */
export type Statement = { name?: string; text: string };

/** Longest that one of our statements may run; they take milliseconds. Also the longest wait for a connection. */
const STATEMENT_MS = 5_000;
const CONNECT_MS = 3_000;

const BIGINT = 20;

/** Job and delivery numbers are far below 2^53. Everything else keeps pg's own way. */
const typeParsers = {
  getTypeParser: ((oid: number, format: 'text' | 'binary') =>
    oid === BIGINT ? Number : types.getTypeParser(oid, format)) as typeof types.getTypeParser,
};

/**
 * One pool of connections for the hot statements and for Prisma alike.
 *
 * @param options.applicationName shows in pg_stat_activity.
 */
export function openDatabase(options: { url: string; poolSize: number; applicationName: string }): Database {
  const config = {
    connectionString: options.url,
    application_name: options.applicationName,
    connectionTimeoutMillis: CONNECT_MS,
    idleTimeoutMillis: 60_000,
    statement_timeout: STATEMENT_MS,
    idle_in_transaction_session_timeout: STATEMENT_MS,
    // The server's time-out does not help when the server is gone: this one is the client's.
    query_timeout: STATEMENT_MS + 1_000,
    keepAlive: true,
    types: typeParsers,
  };
  const pool = new Pool({ ...config, max: options.poolSize });
  // An idle connection that breaks is replaced when the next one is asked for.
  pool.on('error', () => undefined);
  const prisma = new PrismaClient({ adapter: new PrismaPg(pool, { disposeExternalPool: false }) });
  const grouped = groupStatements({ pool }, config);
  return {
    pool,
    grouped,
    prisma,
    async ping() {
      await query({ database: { pool } }, { name: 'ping', text: 'SELECT 1' }, []);
    },
    async close() {
      await prisma.$disconnect();
      await grouped.close();
      await pool.end();
    },
  };
}

/** SQLSTATE classes and codes that say "not now": no connection, shutting down, out of resources, timed out, deadlock. */
const UNAVAILABLE_STATES = /^(08|53|57P|57014|40001|40P01|55P03|25006)/;

/** Network errors of node, and pg's own words for connections that ended, which carry no code. */
const UNAVAILABLE_WORDS =
  /ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|Connection terminated|timeout|not queryable/i;

function isUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = (error as { code?: unknown }).code;
  if (typeof code === 'string' && UNAVAILABLE_STATES.test(code)) return true;
  return UNAVAILABLE_WORDS.test(`${typeof code === 'string' ? code : ''} ${error.message}`);
}

/** @throws DatabaseUnavailableError for what says "not now", with the cause; anything else as it is. */
export async function unavailableAsSuch<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!isUnavailable(error)) throw error;
    throw new DatabaseUnavailableError('PostgreSQL cannot be reached', { cause: error });
  }
}

/**
 * Runs one named statement.
 *
 * @throws DatabaseUnavailableError when Postgres cannot be reached or is late; any other error is a bug.
 */
export async function query<Row extends QueryResultRow>(
  { database: { pool } }: StatementDeps,
  statement: Statement,
  values: unknown[],
): Promise<Row[]> {
  return (await unavailableAsSuch(pool.query<Row>({ ...statement, values }))).rows;
}

/**
 * Runs several statements without parameters as one message and so as one transaction.
 *
 * @returns the rows of the last one.
 */
export async function queryScript<Row extends QueryResultRow>(
  { database: { pool } }: StatementDeps,
  script: string,
): Promise<Row[]> {
  const results = await unavailableAsSuch(pool.query<Row>(script));
  const list = Array.isArray(results) ? (results as (typeof results)[]) : [results];
  return list.at(-1)?.rows ?? [];
}
