import { type PostgresTrouble, within } from '@emr-payments/runtime';
import { openPool } from '@emr-payments/runtime/postgres-pool';
import type { Database } from '../core/database.ts';
import { hasOwnSessions } from '../core/own-sessions.ts';
import { isFull, isMisfit, isWithoutConnection, query, type StatementDeps } from '../core/statements.ts';
import { onOneConnection } from '../core/transaction.ts';
import { knownMigrations } from '../migrations/migration-list.ts';

export type DatabaseCheck = {
  /** Resolves with what keeps payments from being accepted and worked on, or with null. It never rejects. */
  trouble(): Promise<PostgresTrouble | null>;
  /**
   * How far the clock of this machine is ahead of PostgreSQL's, negative where it is behind, in milliseconds, as the last check has found it. 0 where the
   * difference may be the time that the question took; undefined before the first answer.
   */
  clockAheadMs(): number | undefined;
  close(): Promise<void>;
};

/** A check that takes longer has found PostgreSQL late. */
const LATE_MS = 2_000;

/** Longest time for a connection of its own: then there is still time to ask on another. */
const CONNECT_MS = 1_000;

/** A pooler that is full keeps the connections waiting that find out whether it shares sessions. So long a check waits for that; a later one knows it. */
const LEARN_MS = 300;

/** An unanswered statement is given up, and its connection with it. See `openDatabaseCheck` for why not before. */
const GIVE_UP_MS = 10_000;

/**
 * The ids of payments and events begin with the time of the process that makes them. Lists by time allow for two days
 * (`payment-ids.ts`), and an event whose id is too old would be dropped with its partition.
 */
const LARGEST_DIFFERENCE_MS = 3_600_000;

const STATE = {
  name: 'check-state',
  text: `
SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS now,
       pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean AS read_only,
       to_regclass('_prisma_migrations') IS NOT NULL AS has_migrations`,
};

/** A migration that failed and was applied again has a row for each try. */
const MISSING = {
  name: 'check-migrations',
  text: `
SELECT count(*)::int AS missing
  FROM unnest($1::text[]) AS needed (name)
 WHERE NOT EXISTS (SELECT FROM _prisma_migrations
                    WHERE migration_name = needed.name AND finished_at IS NOT NULL AND rolled_back_at IS NULL)`,
};

/** An API process accepts payments; a worker posts them, settles them and delivers their events. */
export type Purpose = 'accept' | 'work';

/** The rights without which no payment can be accepted, or posted and its event delivered. */
const RIGHTS: Readonly<Record<Purpose, Readonly<Record<string, readonly string[]>>>> = {
  accept: {
    access_tokens: ['SELECT'],
    client_secrets: ['SELECT'],
    clients: ['SELECT'],
    connections: ['SELECT'],
    idempotency_keys: ['SELECT', 'INSERT'],
    jobs: ['INSERT'],
    patients: ['SELECT'],
    payments: ['INSERT'],
    users: ['SELECT'],
  },
  work: {
    connections: ['SELECT'],
    deliveries: ['SELECT', 'INSERT', 'UPDATE'],
    delivery_attempts: ['INSERT'],
    events: ['SELECT', 'INSERT'],
    holds: ['SELECT'],
    jobs: ['SELECT', 'INSERT', 'UPDATE'],
    lane_caps: ['SELECT'],
    lanes: ['SELECT', 'UPDATE'],
    lineage: ['SELECT', 'INSERT', 'UPDATE'],
    payments: ['SELECT', 'UPDATE'],
    posting_attempts: ['SELECT', 'INSERT', 'UPDATE'],
    users: ['SELECT'],
    webhook_endpoints: ['SELECT', 'UPDATE'],
    webhook_secrets: ['SELECT'],
  },
};

const MAY = {
  name: 'check-rights',
  text: `
SELECT bool_and(has_table_privilege(of_table, needed)) AS allowed FROM unnest($1::text[], $2::text[]) AS need (of_table, needed)`,
};

/**
 * Writes a few bytes to the log of the transactions and waits until they are as durable as a payment has to be: on the disk, and
 * on the standby where one is synchronous. It needs no table, leaves no row behind, and locks nothing.
 * https://www.postgresql.org/docs/18/functions-admin.html#FUNCTIONS-REPLICATION
 */
const WRITE = {
  name: 'check-write',
  text: `SELECT pg_logical_emit_message(true, 'emr-payments', 'readiness')`,
};

/**
 * How far our clock is ahead of a server's, negative where it is behind, in milliseconds: the server has read its own at some time between
 * the two of ours, so only a time outside of them proves a difference.
 */
export const clockAheadOf = (server: number, { from, to }: { from: number; to: number }): number =>
  server < from ? from - server : Math.min(to - server, 0);

type Needs = { migrations: string[]; purpose: Purpose; onClock: (aheadMs: number) => void };

async function troubleOf(
  deps: StatementDeps,
  { migrations, purpose, onClock }: Needs,
): Promise<PostgresTrouble | null> {
  const askedAt = Date.now();
  const [state] = await query<{ now: number; read_only: boolean; has_migrations: boolean }>(deps, STATE, []);
  const aheadMs = state === undefined ? 0 : clockAheadOf(state.now, { from: askedAt, to: Date.now() });
  onClock(aheadMs);
  if (state?.read_only !== false) return 'postgres_read_only';
  if (Math.abs(aheadMs) > LARGEST_DIFFERENCE_MS) return 'clock_wrong';
  if (!state.has_migrations) return 'schema_behind';
  const [schema] = await query<{ missing: number }>(deps, MISSING, [migrations]);
  if (schema?.missing !== 0) return 'schema_behind';
  const needed = Object.entries(RIGHTS[purpose]).flatMap(([of, rights]) =>
    rights.map((right) => [of, right]),
  );
  const pairs = [needed.map(([of]) => of), needed.map(([, right]) => right)];
  const [rights] = await query<{ allowed: boolean }>(deps, MAY, pairs);
  if (rights?.allowed !== true) return 'postgres_refused';
  await query(deps, WRITE, []);
  return null;
}

/**
 * Opens the check behind `/health/ready`. It has one connection of its own, which no tenant's requests can fill, and it writes:
 * `SELECT 1` is answered by a standby, too, and by a primary whose synchronous standby is gone.
 *
 * One check runs at a time. A caller waits 2 s for it and no longer; the check itself goes on, because a connection whose commit
 * waits for a standby stays open in the server when the client leaves. Checks that each left one behind would use up the
 * server's connections in minutes.
 *
 * Now and then it needs a new connection, which it does not get from a server that is full, although those that are open work.
 * Then one of `working` is asked instead: otherwise somebody else's connections would make every process unready at once, and
 * stop all accepting. And when none of `working` is open, one is opened: this connection says nothing of whether the server has a place for that.
 *
 * @param options.working the connections that the readiness is about.
 */
export function openDatabaseCheck(options: {
  url: string;
  applicationName: string;
  purpose: Purpose;
  working: Pick<Database, 'pool'>;
}): DatabaseCheck {
  const pool = openPool({
    url: options.url,
    application_name: options.applicationName,
    max: 1,
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: GIVE_UP_MS,
    // After a failover a name or a proxy may lead to another server than the one to which this connection was opened.
    maxLifetimeSeconds: 10,
  });
  let migrations: string[] | undefined;
  let ownSessions: boolean | undefined;
  let learning: Promise<void> | undefined;
  let running: Promise<PostgresTrouble | null> | undefined;
  let clockAheadMs: number | undefined;

  const askOn = async (asked: Pick<Database, 'pool'>): Promise<PostgresTrouble | null> => {
    migrations ??= await knownMigrations();
    const onClock = (aheadMs: number): void => {
      clockAheadMs = aheadMs;
    };
    const needs = { migrations, purpose: options.purpose, onClock };
    return onOneConnection({ database: asked }, async (client, keep) => {
      const trouble = await troubleOf({ database: { pool: client } }, needs);
      // After trouble the next check makes a new connection: it may lead to the server that has taken over.
      if (trouble === null) keep();
      return trouble;
    });
  };

  const learn = async (): Promise<void> => {
    ownSessions = await hasOwnSessions(options).catch(() => undefined);
  };

  /** A process that was started while PostgreSQL was away has not been refused: its address is looked at once there is an answer. */
  const sharesSessions = async (): Promise<boolean> => {
    if (ownSessions === undefined) {
      learning ??= learn().finally(() => {
        learning = undefined;
      });
      await within(LEARN_MS, learning).catch(() => undefined);
    }
    return ownSessions === false;
  };

  const ask = async (): Promise<PostgresTrouble | null> => {
    const { working } = options;
    const trouble = await askOn({ pool }).catch((error: unknown) => {
      if (isWithoutConnection(error)) return askOn(working);
      throw error;
    });
    if (trouble !== null) return trouble;
    if (await sharesSessions()) return 'postgres_refused';
    return working.pool.totalCount === 0 ? askOn(working) : null;
  };

  const check = (): Promise<PostgresTrouble | null> =>
    ask().catch((error: unknown) => {
      if (isFull(error)) return 'postgres_full';
      return isMisfit(error) ? 'postgres_refused' : 'postgres_unreachable';
    });

  return {
    async trouble() {
      running ??= check().finally(() => {
        running = undefined;
      });
      return within(LATE_MS, running).catch((): PostgresTrouble => 'postgres_unreachable');
    },
    clockAheadMs: () => clockAheadMs,
    close: () => pool.end(),
  };
}
