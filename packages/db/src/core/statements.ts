import { isConnectionError } from '@emr-payments/outbound';
import { hadNoConnection } from '@emr-payments/runtime/postgres-pool';
import { inSpan, statementSpan } from '@emr-payments/runtime/tracing';
import { DatabaseError, type Pool, type QueryResultRow } from 'pg';
import { driverErrorOf, PRISMA_OUTAGES } from './prisma-errors.ts';
import type { SetRunner, SetStatement } from './set-statement.ts';

/** PostgreSQL cannot be reached or does not answer in time. The statement may or may not have been carried out. */
export class DatabaseUnavailableError extends Error {
  override name = 'DatabaseUnavailableError';
}

/**
 * Runs statements: the pool, or the one connection of a transaction (`inTransaction`). With `sets`, statements that are made for it
 * run together with others; a transaction has none, because a set is committed by itself.
 */
export type Statements = { pool: Pick<Pool, 'query'>; sets?: SetRunner };

/** First parameter of every function that runs a statement. */
export type StatementDeps = { database: Statements };

/**
 * A statement with a name is parsed and planned once on each connection. One without a name is planned at every call, for
 * the values of that call: use that where filters are combined freely.
 */
export type Statement = { name?: string; text: string };

/**
 * SQLSTATE classes and codes that mean "not now": no connection (08), out of resources (53), shutting down or starting up
 * (57P), canceled by a time-out (57014, 55P03), session ended by a time-out (25P03, 25P04), serialization failure or
 * deadlock (40001, 40P01), and a server that is read-only after a failover (25006).
 */
const UNAVAILABLE_STATES = /^(08|53|57P|57014|55P03|25P03|25P04|40001|40P01|25006)/;

/**
 * SQLSTATEs and codes that say: PostgreSQL is there, but our login, the database, the schema or our rights do not fit this
 * version. Our statements are fixed, so that is a matter of the installation, never of one request.
 */
const MISFIT_STATES = /^(28|3D|3F|42P01|42703|42704|42883|42501|55000)/;

/**
 * True when a migration changed the type of a column that a prepared statement returns. The statement was not begun. Its connection
 * prepares it no more, so the holder of the connection has to close it (pg's pool does, after any error); on another one it runs.
 * The server's sentence is translated, and its code has other meanings: the function that refuses is unique.
 * https://github.com/postgres/postgres/blob/REL_18_STABLE/src/backend/utils/cache/plancache.c
 */
function isStalePlan(error: unknown): boolean {
  const { code, routine } = (error ?? {}) as { code?: unknown; routine?: unknown };
  return code === '0A000' && routine === 'RevalidateCachedQuery';
}

/**
 * Those of `UNAVAILABLE_STATES` with which the server ends a statement and undoes it, while the session goes on. The others can end the
 * session, and are no answer to whether the statement was committed.
 */
const UNDONE_STATES = /^(57014|55P03|40001|40P01|25006)$/;

/** Messages of the connection errors that pg (lib/client.js, lib/connection.js) and pg-pool (index.js) throw without a code. */
export const CONNECTION_MESSAGES = new Set([
  'Connection terminated',
  'Connection terminated unexpectedly',
  'Connection terminated due to connection timeout',
  'timeout expired',
  'timeout exceeded when trying to connect',
  'Query read timeout',
  'Client has encountered a connection error and is not queryable',
  'Client was closed and is not queryable',
  'The server does not support SSL connections',
  'There was an error establishing an SSL connection',
]);

/**
 * Distinguishes an outage from a mistake, for the errors of pg, of Node's sockets and of Prisma. An error with a code is judged
 * by the code alone: the server's sentences can contain any word, such as "timeout" in the name of a setting or a constraint.
 * It is the only function that decides this.
 */
export function isUnavailable(error: unknown): boolean {
  if (error instanceof DatabaseUnavailableError || isStalePlan(error)) return true;
  if (!(error instanceof Error)) return false;
  const driver = driverErrorOf(error);
  if (driver?.outage === true) return true;
  const { code } = error as { code?: unknown };
  if (driver?.state !== undefined) return UNAVAILABLE_STATES.test(driver.state);
  if (typeof code !== 'string') return CONNECTION_MESSAGES.has(error.message);
  return (
    // Also ENOENT, for the socket of a local server that has stopped, and a certificate that has expired.
    isConnectionError(error) || PRISMA_OUTAGES.has(code) || UNAVAILABLE_STATES.test(code)
  );
}

/** The error of the driver or of the server. */
const causeOf = (error: unknown): unknown =>
  error instanceof DatabaseUnavailableError ? error.cause : error;

/** True for an outage that is a pool without a connection for a statement, while others that are open may work. */
export const isWithoutConnection = (error: unknown): boolean =>
  error instanceof DatabaseUnavailableError && hadNoConnection(error);

/**
 * True when nothing of a statement was done: there was no connection for it, or the server says that it did not carry it out. That
 * goes by the code, because the word for the severity is translated.
 */
export function isUndone(thrown: unknown): boolean {
  if (hadNoConnection(thrown)) return true;
  const error = causeOf(thrown);
  if (!(error instanceof DatabaseError)) return false;
  return !isUnavailable(error) || isStalePlan(error) || UNDONE_STATES.test(error.code ?? '');
}

/** True for an error that says that login, database, schema or rights do not fit this version: see `MISFIT_STATES`. */
export function isMisfit(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as { code?: unknown };
  const state = driverErrorOf(error)?.state ?? code;
  return typeof state === 'string' && MISFIT_STATES.test(state);
}

const TOO_MANY_CONNECTIONS = '53300';

/**
 * How PgBouncer says the same: one code for everything, and a sentence that names its own limits or repeats the server's error.
 * https://github.com/pgbouncer/pgbouncer/blob/master/src/client.c
 */
const OF_POOLER = '08P01';
const POOLER_IS_FULL =
  /^(no more connections allowed|client connections exceeded|too many connections for|sorry, too many clients|remaining connection slots)/;

/** True for an outage that is a server which takes no further connection: of all, of this database's, or of this role's. */
export function isFull(error: unknown): boolean {
  for (let one = error; one instanceof Error; one = one.cause) {
    const { code } = one as { code?: unknown };
    if (code === TOO_MANY_CONNECTIONS || (code === OF_POOLER && POOLER_IS_FULL.test(one.message)))
      return true;
  }
  return false;
}

const CONFLICTS = new Set(['40001', '40P01']);

/**
 * True for an outage that is a deadlock or a failed serialization: PostgreSQL has undone the transaction, and the same one may succeed.
 * https://www.postgresql.org/docs/current/mvcc-serialization-failure-handling.html
 */
export function isConflict(error: unknown): boolean {
  for (let one = error; one instanceof Error; one = one.cause)
    if (CONFLICTS.has(String((one as { code?: unknown }).code))) return true;
  return false;
}

const STATEMENT_TIMEOUT = '57014';

/**
 * True for an outage that is the end of one statement's time (`statement_timeout`), while the server itself answers: where it
 * does not, our own time-out ends the wait, and that says nothing about the statement. An error's causes are looked at too,
 * because Prisma wraps the server's error.
 */
export function isStatementTimeout(error: unknown): boolean {
  for (let one = error; one instanceof Error; one = one.cause) {
    if ((one as { code?: unknown }).code === STATEMENT_TIMEOUT) return true;
    if (driverErrorOf(one)?.state === STATEMENT_TIMEOUT) return true;
  }
  return false;
}

/** @throws DatabaseUnavailableError, with the cause, for an error that means "not now"; rethrows any other error. */
export async function unavailableAsSuch<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!isUnavailable(error)) throw error;
    throw new DatabaseUnavailableError('PostgreSQL cannot be reached', { cause: error });
  }
}

/**
 * Runs one statement.
 *
 * @throws DatabaseUnavailableError when PostgreSQL cannot be reached or is late; any other error is a bug.
 */
export async function query<Row extends QueryResultRow>(
  { database: { pool } }: StatementDeps,
  statement: Statement,
  values: unknown[],
): Promise<Row[]> {
  const run = async () => (await unavailableAsSuch(pool.query<Row>({ ...statement, values }))).rows;
  return inSpan(statementSpan(statement.name ?? 'statement'), run);
}

/**
 * Runs a statement about one claim, in a set where `deps` have them, and by itself elsewhere. It means the same in both: other inputs
 * of a set take nothing from it, and it is committed when this resolves.
 *
 * @param options as `SetRunner` has them.
 * @returns its row; undefined when the claim is not the job's present one.
 * @throws as `query` does.
 */
export async function queryInSet<Row extends QueryResultRow, Column extends string = string>(
  deps: StatementDeps,
  statement: SetStatement<Column>,
  given: Record<NoInfer<Column>, unknown>,
  options?: { turn?: number | undefined },
): Promise<Row | undefined> {
  const { sets } = deps.database;
  const values = statement.values(given);
  if (sets === undefined) return (await query<Row>(deps, statement.single, values))[0];
  return inSpan(statementSpan(statement.single.name), () =>
    unavailableAsSuch(sets.run<Row>(statement, values, options)),
  );
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
