import { PrismaPg } from '@prisma/adapter-pg';
import { Pool, types } from 'pg';
import { PrismaClient } from '../generated/client.ts';
import { groupStatements } from './grouped-statements.ts';
import { query, type Statements } from './statements.ts';

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
