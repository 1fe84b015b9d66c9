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
  /** Commits the transaction that `run` has begun, when a second statement has done its work beside it, or waits for it. */
  commitBeside(now: number, second: Asked): Promise<{ first: Outcome; second: Outcome }>;
  /** Runs a statement as the owner of the tables, at PostgreSQL's own time: nothing of what is played. */
  ask: Client['query'];
  close(): Promise<void>;
};

/**
 * Functions of another schema that is searched first take the place of `now()` and its like in the statements of the service, and in the
 * defaults of columns. For sessions that play nothing it is PostgreSQL's own time. A snapshot knows the transactions of this database only: those of
 * other tests on the server would make a seed play another schedule.
 */
export const OWN_TIME = `
  CREATE SCHEMA played;
  CREATE FUNCTION played.now() RETURNS timestamptz LANGUAGE sql STABLE
    AS $$ SELECT coalesce(nullif(current_setting('played.now', true), '')::timestamptz, pg_catalog.now()) $$;
  CREATE FUNCTION played.statement_timestamp() RETURNS timestamptz LANGUAGE sql STABLE AS 'SELECT played.now()';
  CREATE FUNCTION played.clock_timestamp() RETURNS timestamptz LANGUAGE sql STABLE AS 'SELECT played.now()';
  CREATE FUNCTION played.pg_current_snapshot() RETURNS pg_snapshot LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog
    AS $$ SELECT format('%s:%s:', coalesce(min(backend_xid::text::bigint), max(next)), max(next))::pg_snapshot
            FROM (SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS next) snapshot
            LEFT JOIN pg_stat_activity a ON a.datname = current_database() AND a.backend_type = 'client backend' AND a.backend_xid::text::bigint < next $$;
  GRANT USAGE ON SCHEMA played TO PUBLIC;
  DO $$ DECLARE own record; BEGIN
    FOR own IN SELECT d.adrelid::regclass AS place, a.attname AS name
                 FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
                WHERE pg_get_expr(d.adbin, d.adrelid) IN ('CURRENT_TIMESTAMP', 'now()') LOOP
      EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET DEFAULT played.now()', own.place, own.name);
    END LOOP;
  END $$`;
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
    const client = new Client({
      connectionString,
      application_name: 'schedules',
      types: NUMBERS,
      pipeline: true,
    });
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

  /** Begins a statement on the other session, and waits until it has ended or waits for a lock. */
  async function beginBeside(now: number, second: Asked): Promise<{ running: Promise<Outcome> }> {
    let ended = false;
    const running = runAt(other, now, second).finally(() => {
      ended = true;
    });
    await waitsForLock(() => ended);
    return { running };
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
      const { running } = await beginBeside(now, second);
      await one.query(commits && 'result' in done ? 'COMMIT' : 'ROLLBACK');
      return { first: done, second: await running };
    },
    async commitBeside(now, second) {
      const { running } = await beginBeside(now, second);
      const first = await outcomeOf(one.query('COMMIT'));
      return { first, second: await running };
    },
    ask: owner.query.bind(owner) as Client['query'],
    async close() {
      await Promise.all([one, other, owner].map((client) => client.end()));
    },
  };
}
