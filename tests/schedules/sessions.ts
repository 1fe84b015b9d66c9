import type { Statements } from '@emr-payments/db';
import { Client, type QueryResult, types } from 'pg';

export type Asked = { name?: string; text: string; values?: unknown[] };
export type SetStatement = Parameters<NonNullable<Statements['sets']>['run']>[0];

/** What PostgreSQL made of a statement. */
export type Outcome = { result: QueryResult } | { error: Error };

/** Two sessions with PostgreSQL, in which `now()` is the time of the schedule. */
export type Sessions = {
  run(now: number, asked: Asked): Promise<Outcome>;
  /**
   * Runs two statements at once: the second begins when the first has done its work and has not ended its transaction. So it sees nothing
   * of the first, and waits where both write to one row.
   *
   * @param input.commits false: the first transaction is undone.
   */
  runAtOnce(
    now: number,
    input: { first: Asked; second: Asked; commits: boolean },
  ): Promise<{ first: Outcome; second: Outcome }>;
  /** Runs a statement as the owner of the tables, at PostgreSQL's own time: nothing of what is played. */
  ask: Client['query'];
  close(): Promise<void>;
};

/** A function of another schema that is searched first takes the place of `now()` in the statements of the service. */
export const OWN_TIME = `
  CREATE SCHEMA played;
  CREATE FUNCTION played.now() RETURNS timestamptz LANGUAGE sql STABLE AS $$ SELECT current_setting('played.now')::timestamptz $$;
  GRANT USAGE ON SCHEMA played TO PUBLIC`;
/** As the service has them: a plan is made once, and partitions are not pruned (packages/db/src/core/faulty-pruning.ts). */
export const SETTINGS = `
  SET search_path = played, public, pg_catalog;
  SET plan_cache_mode = force_generic_plan;
  SET jit = off;
  SET enable_partition_pruning = off`;
const AT = { name: 'at', text: "SELECT set_config('played.now', $1, false)" };
const WAITS = { name: 'waits', text: 'SELECT FROM pg_locks WHERE pid = $1 AND NOT granted' };

/** Reads bigint as a number, as the service does. */
export const NUMBERS = {
  getTypeParser: ((oid: number, format: 'text' | 'binary') =>
    oid === types.builtins.INT8 ? Number : types.getTypeParser(oid, format)) as typeof types.getTypeParser,
};

const outcomeOf = (running: Promise<QueryResult>): Promise<Outcome> =>
  running.then(
    (result) => ({ result }),
    (error: Error) => ({ error }),
  );

/** @param input.appUrl as the role that the service runs as. */
export async function openSessions({ url, appUrl }: { url: string; appUrl: string }): Promise<Sessions> {
  const open = async (connectionString: string) => {
    const client = new Client({ connectionString, application_name: 'schedules', types: NUMBERS });
    await client.connect();
    return client;
  };
  const [one, other, owner] = await Promise.all([open(appUrl), open(appUrl), open(url)]);
  await Promise.all([one, other].map((client) => client.query(SETTINGS)));
  const { rows } = await other.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  const pid = rows[0]?.pid;

  const timeOf = new Map<Client, number>();

  /** Sets the time of a session, outside of any transaction whose end could undo that. */
  function setTime(client: Client, now: number): void {
    if (timeOf.get(client) === now) return;
    timeOf.set(client, now);
    void client.query({ ...AT, values: [new Date(now).toISOString()] });
  }

  function runAt(client: Client, now: number, asked: Asked): Promise<Outcome> {
    setTime(client, now);
    return outcomeOf(client.query(asked));
  }

  async function waitsForLock(until: () => boolean): Promise<void> {
    while (!until()) if ((await owner.query({ ...WAITS, values: [pid] })).rowCount !== 0) return;
  }

  return {
    run: (now, asked) => runAt(one, now, asked),
    async runAtOnce(now, { first, second, commits }) {
      setTime(one, now);
      await one.query('BEGIN');
      const done = await runAt(one, now, first);
      let ended = false;
      const running = runAt(other, now, second).finally(() => {
        ended = true;
      });
      await waitsForLock(() => ended);
      await one.query(commits && 'result' in done ? 'COMMIT' : 'ROLLBACK');
      return { first: done, second: await running };
    },
    ask: owner.query.bind(owner) as Client['query'],
    async close() {
      await Promise.all([one, other, owner].map((client) => client.end()));
    },
  };
}
