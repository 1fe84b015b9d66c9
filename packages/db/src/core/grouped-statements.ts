import { createBatcher } from '@emr-payments/runtime';
import {
  type ClientConfig,
  DatabaseError,
  Pool,
  type PoolClient,
  type QueryConfig,
  type QueryResult,
} from 'pg';
import { isStalePlan, isUnavailable, type Statements } from './statements.ts';

/** Statements that are committed together; `close` ends their connections. */
export type GroupedStatements = Statements & { close(): Promise<void> };

type Waiting = PromiseWithResolvers<QueryResult> & { statement: QueryConfig };

/** The end of a group, which is committed or rolled back as a whole. */
type GroupEnd =
  | { outcome: 'committed'; results: QueryResult[] }
  /**
   * The server has confirmed that nothing of the group was done. `unfit`: because it is read-only, after a fail-over, or because
   * a statement that the connection has prepared no longer fits the schema. The connection cannot be used any more.
   */
  | { outcome: 'rolled_back'; unfit: boolean }
  | { outcome: 'unknown'; error: unknown };

/** True for the server's own ERROR about a statement: not a lost connection, and not a server that is shutting down. */
function refused(error: unknown): boolean {
  return error instanceof DatabaseError && error.severity === 'ERROR' && !isUnavailable(error);
}

/** True when the server is read-only: this connection was made to the former primary; or when the connection has a stale plan. */
const isUnfit = (result: PromiseSettledResult<unknown>): boolean =>
  result.status === 'rejected' &&
  result.reason instanceof DatabaseError &&
  (result.reason.code === '25006' || isStalePlan(result.reason));

/** Sends a whole group in one message and waits for all its answers: one round trip, one commit, one wait for the disk. */
async function runGroup(client: PoolClient, group: readonly Waiting[]): Promise<GroupEnd> {
  const { stream } = client.connection;
  stream.cork();
  const begun = client.query('BEGIN');
  const running = group.map(({ statement }) => client.query(statement));
  const ended = client.query('COMMIT');
  stream.uncork();
  const [[begin, commit], results] = await Promise.all([
    Promise.allSettled([begun, ended]),
    Promise.allSettled(running),
  ]);
  if (begin.status === 'rejected') return { outcome: 'unknown', error: begin.reason };
  if (commit.status === 'rejected') {
    // A deferred constraint speaks up at COMMIT. The server has rolled everything back, and one statement is to blame.
    return refused(commit.reason)
      ? { outcome: 'rolled_back', unfit: false }
      : { outcome: 'unknown', error: commit.reason };
  }
  const done = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  // COMMIT of a transaction in which something failed is answered with ROLLBACK.
  return commit.value.command === 'COMMIT' && done.length === group.length
    ? { outcome: 'committed', results: done }
    : { outcome: 'rolled_back', unfit: results.some(isUnfit) };
}

/**
 * Group commit for independent statements, such as the claims and settlements of all the jobs that a worker holds: those
 * that come while a group is under way form the next one. Each promise resolves after its group's commit. Grouping does
 * not change what a statement means: when one of a group fails, the whole group is rolled back, and every statement is
 * run again by itself and gets its own result.
 *
 * Within a group the statements run in the order of their first value, the job's number, so that two groups that want the
 * same rows wait for each other and do not deadlock.
 *
 * A process that freezes after sending half a group does not keep the rows locked: the server ends a transaction that
 * idles.
 *
 * @param deps.alone runs a statement by itself.
 * @param deps.config of the connections that groups run on.
 * @param options.maxGroup statements in one group. They fit in a socket's buffer, so that a group leaves in one piece.
 * @param options.maxInFlight groups at once, each on a connection of its own.
 */
export function groupStatements(
  { alone, config }: { alone: Statements; config: ClientConfig },
  { maxGroup = 50, maxInFlight = 2 }: { maxGroup?: number; maxInFlight?: number } = {},
): GroupedStatements {
  const pool = new Pool({ ...config, max: maxInFlight, pipeline: true });
  pool.on('error', () => undefined);

  function runAlone({ statement, resolve, reject }: Waiting): Promise<void> {
    return alone.pool.query(statement).then(resolve, reject);
  }

  async function run(group: Waiting[]): Promise<void> {
    group.sort((a, b) => Number(a.statement.values?.[0] ?? 0) - Number(b.statement.values?.[0] ?? 0));
    const [only] = group;
    if (group.length === 1 && only !== undefined) return runAlone(only);
    let end: GroupEnd;
    try {
      const client = await pool.connect();
      // A checked-out client emits 'error' when its connection breaks; without a listener that would end the process.
      const ignore = () => undefined;
      client.on('error', ignore);
      try {
        end = await runGroup(client, group);
      } catch (error) {
        end = { outcome: 'unknown', error };
      }
      client.off('error', ignore);
      client.release(end.outcome === 'unknown' || (end.outcome === 'rolled_back' && end.unfit));
    } catch (error) {
      end = { outcome: 'unknown', error };
    }
    if (end.outcome === 'rolled_back') {
      await Promise.all(group.map(runAlone));
      return;
    }
    group.forEach(({ resolve, reject }, index) => {
      const result = end.outcome === 'committed' ? end.results[index] : undefined;
      if (result !== undefined) resolve(result);
      else
        reject(end.outcome === 'unknown' ? end.error : new Error('a statement of the group has no answer'));
    });
  }

  const batcher = createBatcher<Waiting>({ run }, { maxBatch: maxGroup, maxInFlight });

  function query(statement: QueryConfig): Promise<QueryResult> {
    const entry = { ...Promise.withResolvers<QueryResult>(), statement };
    batcher.add(entry);
    return entry.promise;
  }

  return { pool: { query: query as Pool['query'] }, close: () => pool.end() };
}
