import { activeSpan, createBatcher, inSharedSpan, type Span, statementSpan } from '@emr-payments/runtime';
import type { PostgresOptions } from '@emr-payments/runtime/postgres';
import { hadNoConnection, openPool } from '@emr-payments/runtime/postgres-pool';
import type { Pool, QueryResultRow } from 'pg';
import type { SetRunner, SetStatement } from './set-statement.ts';
import { isUndone, type Statements } from './statements.ts';
import { OF_TURNS, tryInTurn } from './turns.ts';

/** Runs statements in sets; `close` ends their connections. */
export type Sets = SetRunner & {
  /** Its connections, to be measured. */
  readonly pool: Pool;
  /** Runs these inputs as one set, also a single one. @returns the rows of those that took effect. */
  runSet(statement: SetStatement, inputs: readonly unknown[][]): Promise<QueryResultRow[]>;
  close(): Promise<void>;
};

type Waiting = PromiseWithResolvers<unknown> & {
  values: unknown[];
  turn: number | undefined;
  span: Span | undefined;
};

/**
 * Settings of connections for array statements alone.
 *
 * An array statement is planned once. Left to itself PostgreSQL plans it at every call, for the arrays of that call, which costs more
 * than to run it. A plan that is made once has to be good for life, although the tables were empty, or full of other rows, when it was
 * made: so the planner gets no choice but to look rows up one by one in an index, which is right for a set of any size that we send.
 * Without JIT, because before version 18 a plan without an alternative counts as infinitely dear, and would be compiled at every call.
 * https://www.postgresql.org/docs/current/runtime-config-query.html#GUC-PLAN-CACHE-MODE
 */
export const PLANNED_ONCE = {
  plan_cache_mode: 'force_generic_plan',
  enable_seqscan: 'off',
  enable_hashjoin: 'off',
  enable_mergejoin: 'off',
  jit: 'off',
};

/**
 * A set's rows are looked up by the array of their keys (`keyedBy`), and then joined with what comes with them. The planner expects one row of
 * each and would repeat the look-up for each of fifty: so it may use a nested loop only where it has no choice (LATERAL). Bitmaps would
 * let it read all jobs of a lane to find the first one (`FED_AT_ONCE`).
 */
const OF_SETS = { enable_nestloop: 'off', enable_hashjoin: 'on', enable_bitmapscan: 'off' };

/** Inputs in one set. */
const MOST_INPUTS = 50;

/** Sets of one statement at once. */
const SETS_AT_ONCE = 2;

/** Connections, which all statements share. */
const POOL_SIZE = 4;

/** The number of the job that an input is about: the first of its values. */
const jobOf = (values: readonly unknown[]): string => String(values[0]);

/**
 * Group commit for statements about claims, such as the claims and settlements of all the jobs that a worker holds: inputs that
 * come while a set is under way form the next one. A set is one statement over arrays: one round trip, one commit, one wait for the
 * disk, and no transaction that a frozen process could leave open. A single input runs as the single statement, which is cheaper
 * for one. Each promise resolves after its commit.
 *
 * A set does not change what a statement means:
 * - When the server refuses a set, because of one of its inputs or of all, or there is no connection for it, nothing of it was done, and each
 *   input is run by itself and gets its own result.
 * - When it is unknown whether a set was committed, all of it rejects. Repeating is safe, because every statement is fenced.
 * - Two inputs about one job, which a queue that delivers twice brings about, never share a set: one runs after the other, and finds
 *   what the first has left.
 *
 * @param deps.alone runs a statement by itself.
 * @param deps.config of the connections that sets run on.
 */
export function openSets({ alone, config }: { alone: Statements; config: PostgresOptions }): Sets {
  const settings = { ...config.settings, ...OF_TURNS.settings, ...PLANNED_ONCE, ...OF_SETS };
  const pool = openPool({ ...config, ...OF_TURNS, settings, max: POOL_SIZE }, { hasFallback: true });

  async function runSet({ set }: SetStatement, inputs: readonly unknown[][]): Promise<QueryResultRow[]> {
    const columns = (inputs[0] ?? []).map((_, column) => inputs.map((values) => values[column]));
    return (await pool.query({ ...set, values: columns })).rows;
  }

  function runAlone({ single }: SetStatement, { values, turn, resolve, reject }: Waiting): Promise<void> {
    const outsideTurns = async () => (await alone.pool.query<QueryResultRow>({ ...single, values })).rows;
    const rows =
      turn === undefined
        ? outsideTurns()
        : tryInTurn<QueryResultRow>(pool, { turn, statement: single, values }).catch((error: unknown) => {
            if (hadNoConnection(error)) return outsideTurns();
            throw error;
          });
    return rows.then(([row]) => resolve(row), reject);
  }

  async function runTogether(statement: SetStatement, inputs: readonly Waiting[]): Promise<void> {
    try {
      const rows = await inSharedSpan(
        statementSpan(statement.set.name),
        inputs.map(({ span }) => span),
        () =>
          runSet(
            statement,
            inputs.map(({ values }) => values),
          ),
      );
      const rowOf = new Map(rows.map((row) => [String(row.job_id), row]));
      for (const { values, resolve } of inputs) resolve(rowOf.get(jobOf(values)));
    } catch (error) {
      if (isUndone(error))
        await Promise.all(inputs.map((input) => runAlone(statement, { ...input, turn: undefined })));
      else for (const { reject } of inputs) reject(error);
    }
  }

  async function run(statement: SetStatement, batch: readonly Waiting[]): Promise<void> {
    const first = new Map<string, Waiting>();
    const again: Waiting[] = [];
    for (const input of batch) {
      if (first.has(jobOf(input.values))) again.push(input);
      else first.set(jobOf(input.values), input);
    }
    const [only, ...more] = first.values();
    if (only !== undefined)
      await (more.length === 0 ? runAlone(statement, only) : runTogether(statement, [only, ...more]));
    for (const input of again) await runAlone(statement, input);
  }

  const batcherFor = (statement: SetStatement) =>
    createBatcher<Waiting>(
      { run: (batch) => run(statement, batch) },
      { maxBatch: MOST_INPUTS, maxInFlight: SETS_AT_ONCE },
    );
  const batchers = new Map<SetStatement, ReturnType<typeof batcherFor>>();

  return {
    run<Row>(statement: SetStatement, values: unknown[], { turn }: { turn?: number | undefined } = {}) {
      const batcher = batchers.get(statement) ?? batcherFor(statement);
      batchers.set(statement, batcher);
      const waiting = { ...Promise.withResolvers<unknown>(), values, turn, span: activeSpan() };
      batcher.add(waiting);
      return waiting.promise as Promise<Row | undefined>;
    },
    runSet,
    pool,
    close: () => pool.end(),
  };
}
