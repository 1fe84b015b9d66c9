import { createRequire } from 'node:module';
import type { OnOpen } from '@emr-payments/runtime/postgres';
import { openPool, type SilenceWatch, watchForSilence } from '@emr-payments/runtime/postgres-pool';
import { type Pool, types } from 'pg';
import type { PrismaClient } from '../generated/client.ts';
import { PRUNE_SAFELY } from './faulty-pruning.ts';
import { oneTextClients } from './one-text-clients.ts';
import { openSets, PLANNED_ONCE, type Sets } from './sets.ts';
import { query } from './statements.ts';
import { openTurns, type Turns } from './turns.ts';

export type Database = {
  pool: Pool;
  /** Statements about claims that come together run as one, on connections of their own. */
  sets: Sets;
  /** Runs statements that the workers take turns at, on a connection of its own. */
  inTurn: Turns['inTurn'];
  /** All its connections by their use, to be measured. */
  readonly pools: Readonly<Record<'general' | 'sets' | 'turn', Pool>>;
  /** For the operator's commands. It uses the same pool. It is loaded at its first use: see `ServiceDatabase`. */
  readonly prisma: PrismaClient;
  /** Rejects with DatabaseUnavailableError when there is no connection within 3 s, or no answer in time. */
  ping(): Promise<void>;
  close(): Promise<void>;
};

/**
 * The database as API and worker have it: without Prisma. A client of Prisma takes 5 MB, its code and its compiler of queries another
 * 20 MB (docs/performance-notes.md), in processes that send nothing but statements of our own.
 */
export type ServiceDatabase = Omit<Database, 'prisma'>;

/** Longest time that one of our statements may run, unless its pool has another bound; they take milliseconds. */
const STATEMENT_MS = 5_000;

/** Longest wait for a connection. */
const CONNECT_MS = 3_000;

const BIGINT = 20;

/** Reads bigint as a number: job and delivery numbers are far below 2^53. Every other type is parsed as pg does it. */
const typeParsers = {
  getTypeParser: ((oid: number, format: 'text' | 'binary') =>
    oid === BIGINT ? Number : types.getTypeParser(oid, format)) as typeof types.getTypeParser,
};

export type DatabaseOptions = {
  /** As libpq writes it; it may have several hosts. */
  url: string;
  poolSize: number;
  /** Shown in pg_stat_activity; `sets` and `turns` come after it for the connections of those. */
  applicationName: string;
  /** Longest wait for a connection, in milliseconds; 3 s by default. */
  connectMs?: number;
  /** Longest time of one statement, in milliseconds; 5 s by default. */
  statementMs?: number;
  /** false: a statement takes one processor at most. */
  parallel?: boolean;
  /** true: no statement locks rows, so partitions are pruned whatever the server's version (`PRUNE_SAFELY`). */
  readsOnly?: boolean;
  /** Longest wait for a row that another transaction has locked, in milliseconds: then the statement is undone. No limit by default. */
  lockMs?: number;
  /** true: the pool is for array statements and look-ups by a key, each of which is planned once on each connection. */
  plannedOnce?: boolean;
  /** Runs on each new connection, of whatever use, before any other statement. */
  onOpen?: OnOpen;
  /** Shared with the other pools of this process on the same server. */
  watch?: SilenceWatch;
};

/** Synchronous, so that who uses Prisma need not know that it is loaded late. */
const load = createRequire(import.meta.url);
const loadPrisma = () => load('./prisma-client.ts') as typeof import('./prisma-client.ts');

/**
 * Opens one pool of connections, which the hot statements and Prisma share, one for sets, and the connection of turns.
 * No connection is opened before it is needed.
 */
export function openDatabase(options: DatabaseOptions): Database {
  const {
    connectMs = CONNECT_MS,
    statementMs = STATEMENT_MS,
    parallel = true,
    readsOnly = false,
    lockMs,
    plannedOnce = false,
  } = options;
  const config = {
    url: options.url,
    application_name: options.applicationName,
    connectionTimeoutMillis: connectMs,
    idleTimeoutMillis: 60_000,
    settings: {
      statement_timeout: statementMs,
      idle_in_transaction_session_timeout: statementMs,
      ...(lockMs === undefined ? {} : { lock_timeout: lockMs }),
      ...(parallel ? {} : { max_parallel_workers_per_gather: 0 }),
      ...(plannedOnce ? PLANNED_ONCE : {}),
    },
    ...(readsOnly ? {} : { first: PRUNE_SAFELY }),
    // The client's own time-out: the server's does not help when the server is gone.
    query_timeout: statementMs + 1_000,
    types: typeParsers,
    extend: oneTextClients(),
    onOpen: options.onOpen,
    watch: options.watch ?? watchForSilence(),
  };
  const pool = openPool({ ...config, max: options.poolSize });
  let prisma: PrismaClient | undefined;
  const named = (use: string) => ({ ...config, application_name: `${options.applicationName} ${use}` });
  const turns = openTurns({ general: pool, config: named('turns') });
  const sets = openSets({ alone: { pool }, config: named('sets') });
  return {
    pool,
    sets,
    inTurn: turns.inTurn,
    pools: { general: pool, sets: sets.pool, turn: turns.pool },
    get prisma() {
      prisma ??= loadPrisma().openPrisma(pool);
      return prisma;
    },
    async ping() {
      await query({ database: { pool } }, { name: 'ping', text: 'SELECT 1' }, []);
    },
    async close() {
      await prisma?.$disconnect();
      await sets.close();
      await turns.close();
      await pool.end();
    },
  };
}

/** Opens the database for a process that serves: what it returns has no Prisma, so nothing there can load it by accident. */
export const openServiceDatabase: (options: DatabaseOptions) => ServiceDatabase = openDatabase;
