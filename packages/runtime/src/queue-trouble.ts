import type { Pool } from 'pg';
import { redisCodeOf } from './redis-reporter.ts';

/** Why the queue cannot carry entries now. A closed list, as that of PostgreSQL. */
export const QUEUE_TROUBLES = [
  /** No connection, or no answer in time. */
  'queue_unreachable',
  /** It answers and cannot write: a replica, or a server that has stopped writes because it cannot save. */
  'queue_read_only',
  /** A cluster whose node at our address does not own the slot of our keys, or that is not complete. */
  'queue_moved',
  /** Its memory is full. */
  'queue_full',
  /** It is reading its data, or is busy with a script. */
  'queue_loading',
  /** It refuses our password or our user the commands and keys that BullMQ needs. */
  'queue_refused',
  /** Its maxmemory-policy lets it remove entries. Work goes on: what is removed is queued again. */
  'queue_evicts',
  /** It answered with any other error. The log has it. */
  'queue_failed',
] as const;

export type QueueTrouble = (typeof QUEUE_TROUBLES)[number];

const OF_REDIS: Readonly<Record<string, QueueTrouble>> = {
  READONLY: 'queue_read_only',
  MISCONF: 'queue_read_only',
  NOREPLICAS: 'queue_read_only',
  MASTERDOWN: 'queue_read_only',
  MOVED: 'queue_moved',
  ASK: 'queue_moved',
  CLUSTERDOWN: 'queue_moved',
  TRYAGAIN: 'queue_moved',
  CROSSSLOT: 'queue_moved',
  OOM: 'queue_full',
  LOADING: 'queue_loading',
  BUSY: 'queue_loading',
  NOAUTH: 'queue_refused',
  WRONGPASS: 'queue_refused',
  NOPERM: 'queue_refused',
};

/** SQLSTATEs of a server that takes no connection: it is full, starting or stopping. The class 08 is what PgBouncer says to all of that. */
const NO_CONNECTION = /^(08...|53300|57P0[123])$/;

/** The classes of SQLSTATE that say that a login or a right is missing. */
const REFUSED_STATE = /^(28|3D|42501)/;

/** The queue has answered, and what it answered says that it cannot be used. */
export class QueueUnusableError extends Error {
  override name = 'QueueUnusableError';
  readonly trouble: QueueTrouble;

  constructor(trouble: QueueTrouble) {
    super(`the queue cannot be used: ${trouble}`);
    this.trouble = trouble;
  }
}

/** Names what a failed `ping` of the transport means. */
export function queueTroubleOf(error: unknown): QueueTrouble {
  if (error instanceof QueueUnusableError) return error.trouble;
  if (!(error instanceof Error)) return 'queue_failed';
  const { code } = error as { code?: unknown };
  const ofRedis = OF_REDIS[redisCodeOf(error) ?? ''];
  if (ofRedis !== undefined) return ofRedis;
  if (error.name === 'ReplyError') return 'queue_failed';
  if (typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && !/^E[A-Z]+$/.test(code)) {
    if (code === '25006') return 'queue_read_only';
    if (NO_CONNECTION.test(code)) return 'queue_unreachable';
    return REFUSED_STATE.test(code) ? 'queue_refused' : 'queue_failed';
  }
  return 'queue_unreachable';
}

/** BullMQ creates its schema with the first worker or the first entry: before that there is nothing to be refused. */
const QUEUE_TABLES = `
SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean AS read_only,
       to_regclass('bullmq.job') IS NULL
         OR (has_table_privilege('bullmq.job', 'SELECT') AND has_table_privilege('bullmq.job', 'INSERT')
             AND has_table_privilege('bullmq.job', 'UPDATE') AND has_table_privilege('bullmq.job', 'DELETE')) AS allowed`;

/**
 * Asks on a connection of `pool`, which is closed where the queue cannot be used: a session that was opened while
 * `default_transaction_read_only` was on stays read-only for its life, whatever the server has become.
 *
 * @throws QueueUnusableError, or the error of the connection.
 */
export async function probePostgresQueue(pool: Pool): Promise<void> {
  const client = await pool.connect();
  let isUsable = false;
  try {
    const { rows } = await client.query<{ read_only: boolean; allowed: boolean }>(QUEUE_TABLES);
    if (rows[0]?.read_only === true) throw new QueueUnusableError('queue_read_only');
    if (rows[0]?.allowed !== true) throw new QueueUnusableError('queue_refused');
    isUsable = true;
  } finally {
    client.release(!isUsable);
  }
}
