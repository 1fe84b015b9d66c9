import type { PostgresOptions } from '@emr-payments/runtime/postgres';
import { openPool } from '@emr-payments/runtime/postgres-pool';
import type { Pool, PoolClient, QueryConfig, QueryResult, QueryResultRow } from 'pg';
import { isWithoutConnection, query, unavailableAsSuch } from './statements.ts';
import { inTransaction } from './transaction.ts';

/** A turn, by the number of its lock, and the statement that is run in it. */
type InTurn = { turn: number; statement: { name: string; text: string }; values: unknown[] };

/** Runs statements that processes take turns at. */
export type Turns = {
  /**
   * Runs a statement while no other process runs one with the same number. Its snapshot is taken after the turn has come, so it sees
   * what the turn before it has committed. Its commit does not wait for the disk: for what may be lost when the server crashes.
   *
   * @param input.turn the number of the lock.
   * @throws DatabaseUnavailableError when PostgreSQL cannot be reached or is late; the statement may or may not have been committed.
   */
  inTurn<Row extends QueryResultRow>(input: InTurn): Promise<Row[]>;
  /** Its one connection, to be measured. */
  readonly pool: Pool;
  close(): Promise<void>;
};

/** The setting of a transaction that says whether it has the turn that it tried to get. */
const TURN_SETTING = 'emr_payments.has_turn';

/** A condition that is true in a statement which `tryInTurn` runs in its turn. It is evaluated once. */
export const HAS_TURN = `(SELECT current_setting('${TURN_SETTING}', true) = 'true')`;

/** Longest time that a process which was frozen in the middle of its turn, or cut off, keeps the others waiting. */
const IDLE_MS = 2_000;

/**
 * Settings of the connection. The statement is planned once, and not at every call; a plan from when the tables were empty has to be
 * good for life, so it must not be one that reads whole tables.
 * The same is true after each ANALYZE, whose statistics may say that a table is empty: without bitmap scans, which read all that an index
 * has before the first row is used, rows come in the order of the index and a LIMIT ends the reading.
 */
const PLANNED_ONCE = {
  plan_cache_mode: 'force_generic_plan',
  enable_seqscan: 'off',
  enable_bitmapscan: 'off',
  enable_mergejoin: 'off',
  jit: 'off',
};

/** `pg_advisory_xact_lock` makes a statement wait after its snapshot was taken: so it is a statement of its own, before the other. */
const LOCK = {
  name: 'take-turn',
  text: `SELECT pg_advisory_xact_lock($1), set_config('synchronous_commit', 'off', true)`,
};

/** For a connection that is not this pool's: see `IDLE_MS`. */
const BOUND = {
  name: 'bound-turn',
  text: `SELECT set_config('idle_in_transaction_session_timeout', $1::text, true)`,
};

/** Takes a turn without waiting for it, if nobody has it. */
const TRY = {
  name: 'try-turn',
  text: `SELECT set_config('${TURN_SETTING}', pg_try_advisory_xact_lock($1)::text, true)`,
};

/** The settings of a pool whose connections turns are taken on. */
export const OF_TURNS = { settings: { idle_in_transaction_session_timeout: IDLE_MS }, pipeline: true };

/**
 * Runs a statement in a turn if nobody has it, and outside of one otherwise: `HAS_TURN` says which. It waits for no other process, and its
 * commit waits for the disk, as the turn then does.
 *
 * @param pool has the settings `OF_TURNS`.
 */
export function tryInTurn<Row>(pool: Pool, { turn, statement, values }: InTurn): Promise<Row[]> {
  return takeOn<Row>(pool, { ...TRY, values: [turn] }, { ...statement, values });
}

async function takeOn<Row>(pool: Pool, lock: QueryConfig, statement: QueryConfig): Promise<Row[]> {
  const client = await pool.connect();
  let taken = false;
  try {
    const rows = await take(client, lock, statement);
    taken = true;
    return rows as Row[];
  } finally {
    client.release(!taken);
  }
}

/** Takes a turn in one message: one round trip, and nothing that a process could be frozen in the middle of once it has been sent. */
async function take(client: PoolClient, lock: QueryConfig, statement: QueryConfig) {
  const { stream } = client.connection;
  // Async: what throws at once is an answer like any other, and the others are waited for.
  const send = async (asked: string | QueryConfig) => client.query(asked);
  stream.cork();
  const running = [send('BEGIN'), send(lock), send(statement), send('COMMIT')];
  stream.uncork();
  const [, , result, end] = await allOrFirstError(running);
  if (result === undefined || end?.command !== 'COMMIT') throw new Error('the turn was not committed');
  return result.rows;
}

/** Waits for all, so that no answer is on its way when the connection is used again. @throws the first error. */
async function allOrFirstError(running: Promise<QueryResult>[]): Promise<QueryResult[]> {
  const ends = await Promise.allSettled(running);
  return ends.map((end) => {
    if (end.status === 'rejected') throw end.reason;
    return end.value;
  });
}

/** Takes a turn on a connection that sends a statement when the one before has been answered. */
const takeOnAny = <Row extends QueryResultRow>(pool: Pool, { turn, statement, values }: InTurn) =>
  inTransaction({ database: { pool } }, async (tx) => {
    await query(tx, BOUND, [IDLE_MS]);
    await query(tx, LOCK, [turn]);
    return { commit: true, value: await query<Row>(tx, statement, values) };
  });

/**
 * @param deps.general runs a turn when there is no connection for it here: slower, because it waits for each answer and plans the statement.
 * @param deps.config of the one connection that turns are taken on. It is opened when it is needed.
 */
export function openTurns({ general, config }: { general: Pool; config: PostgresOptions }): Turns {
  const settings = { ...config.settings, ...OF_TURNS.settings, ...PLANNED_ONCE };
  const pool = openPool({ ...config, ...OF_TURNS, settings, max: 1 }, { hasFallback: true });
  return {
    async inTurn<Row extends QueryResultRow>(input: InTurn) {
      const { turn, statement, values } = input;
      const taken = takeOn<Row>(pool, { ...LOCK, values: [turn] }, { ...statement, values });
      try {
        return await unavailableAsSuch(taken);
      } catch (error) {
        if (isWithoutConnection(error)) return takeOnAny<Row>(general, input);
        throw error;
      }
    },
    pool,
    close: () => pool.end(),
  };
}
