import { PrismaPg } from '@prisma/adapter-pg';
import { Pool, types } from 'pg';
import { PrismaClient } from '../generated/client.ts';
import { groupStatements } from './grouped-statements.ts';
import { query, type Statements } from './statements.ts';

export type Database = {
  pool: Pool;
  /**
   * Commits statements that come together as one group. For statements of many jobs at once that each write rows of their
   * own. Not for statements that write rows which jobs share, such as lanes: a group keeps its rows locked until its end.
   */
  grouped: Statements;
  /** For everything that is not hot. It uses the same pool. */
  prisma: PrismaClient;
  /** Rejects with DatabaseUnavailableError when there is no connection within 3 s, or no answer within 6 s. */
  ping(): Promise<void>;
  close(): Promise<void>;
};

/** Longest time that one of our statements may run; they take milliseconds. */
const STATEMENT_MS = 5_000;

/** Longest wait for a connection. */
const CONNECT_MS = 3_000;

const BIGINT = 20;

/** Reads bigint as a number: job and delivery numbers are far below 2^53. Every other type is parsed as pg does it. */
const typeParsers = {
  getTypeParser: ((oid: number, format: 'text' | 'binary') =>
    oid === BIGINT ? Number : types.getTypeParser(oid, format)) as typeof types.getTypeParser,
};

/**
 * Opens one pool of connections, which the hot statements and Prisma share, and a second one for grouped statements.
 *
 * @param options.applicationName shown in pg_stat_activity.
 */
export function openDatabase(options: { url: string; poolSize: number; applicationName: string }): Database {
  const config = {
    connectionString: options.url,
    application_name: options.applicationName,
    connectionTimeoutMillis: CONNECT_MS,
    idleTimeoutMillis: 60_000,
    statement_timeout: STATEMENT_MS,
    idle_in_transaction_session_timeout: STATEMENT_MS,
    // The client's own time-out: the server's does not help when the server is gone.
    query_timeout: STATEMENT_MS + 1_000,
    keepAlive: true,
    types: typeParsers,
  };
  const pool = new Pool({ ...config, max: options.poolSize });
  // A broken idle connection needs no handling: the pool opens another when one is needed.
  pool.on('error', () => undefined);
  const prisma = new PrismaClient({ adapter: new PrismaPg(pool, { disposeExternalPool: false }) });
  const grouped = groupStatements({ alone: { pool }, config });
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
