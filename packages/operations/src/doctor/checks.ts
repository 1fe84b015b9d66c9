import { isIP } from 'node:net';
import { connect } from 'node:tls';
import {
  type AuditGuard,
  auditGuard,
  checkSealed,
  clockAheadOf,
  type Database,
  findLossInDoubt,
  findOwnFaults,
  LOSS_SENTENCES,
  listHolds,
  listUsers,
  lockRoom,
  partitionCover,
  pendingMigrations,
  refuseSharedSessions,
  serverClock,
} from '@emr-payments/db';
import type { DatabaseUrls, Keyring } from '@emr-payments/runtime';
import { counted } from '@emr-payments/runtime';
import { isWithoutSession, WITHOUT_SESSION } from '@emr-payments/runtime/postgres-without-session';
import type { Finding } from './finding.ts';

type Deps = { database: Database };

const CONNECT_MS = 5_000;

/** Both stay well below the five minutes by which a webhook's timestamp may be off before its receiver refuses it. */
const SKEW_WARN_MS = 2_000;
const SKEW_FAILED_MS = 60_000;

/** Most EMRs that are tried: reaching one of them shows that connections to the outside are possible. */
const OUTBOUND_HOSTS = 3;

/** @throws ConfigError for an address whose connections share sessions. */
export async function checkDatabase(
  { database }: Deps,
  { databaseUrl, directUrl }: DatabaseUrls,
): Promise<Finding> {
  const startedAt = performance.now();
  try {
    await database.ping();
  } catch (error) {
    if (!(await isWithoutSession({ url: databaseUrl }))) throw error;
    return { state: 'failed', found: `${WITHOUT_SESSION}.` };
  }
  const { version, prunesFaultily } = await serverClock({ database });
  const ms = Math.round(performance.now() - startedAt);
  await refuseSharedSessions({ DATABASE_DIRECT_URL: directUrl, DATABASE_URL: databaseUrl });
  const slower = prunesFaultily
    ? '; a fault of this version is worked around, which takes time: update PostgreSQL (docs/postgresql.md)'
    : '';
  return { state: 'ok', found: `PostgreSQL ${version}, ${ms} ms${slower}` };
}

export async function checkMigrations({ database }: Deps): Promise<Finding> {
  const { pending, failed, later } = await pendingMigrations({ database });
  if (failed.length > 0)
    return {
      state: 'failed',
      found: `started but not finished: ${failed.join(', ')}; run the migrations: they go on where one was interrupted, and say what to do where one failed`,
    };
  if (pending.length > 0)
    return { state: 'failed', found: `not applied: ${pending.join(', ')}; run the migrations` };
  if (later.length > 0)
    return {
      state: 'warn',
      found: `the database is of a later version, with ${later.join(', ')}; this version works on it and may not migrate it`,
    };
  return { state: 'ok', found: 'all applied' };
}

export async function checkClock({ database }: Deps): Promise<Finding> {
  const before = Date.now();
  const { now } = await serverClock({ database });
  const skew = Math.abs(clockAheadOf(now, { from: before, to: Date.now() }));
  const state = skew > SKEW_FAILED_MS ? 'failed' : skew > SKEW_WARN_MS ? 'warn' : 'ok';
  return { state, found: `${skew} ms off PostgreSQL's` };
}

/** @param input.mostSealed values of each kind that are opened; all of them by default. */
export async function checkKeys(
  { database, keyring }: Deps & { keyring: Keyring },
  { mostSealed }: { mostSealed?: number | undefined } = {},
): Promise<Finding> {
  const most = mostSealed === undefined ? {} : { most: mostSealed };
  const { byKey, unopened } = await checkSealed({ database, keyring }, most);
  const counts = Object.entries(byKey).map(([key, count]) => `${count} sealed with '${key}'`);
  if (unopened.length > 0) {
    const named = unopened.slice(0, 5).join(', ');
    return { state: 'failed', found: `no key opens ${unopened.length} values: ${named}` };
  }
  const old = Object.keys(byKey).some((key) => key !== keyring.current);
  const part = mostSealed === undefined ? '' : `, of the first ${mostSealed} of each kind`;
  return {
    state: old ? 'warn' : 'ok',
    found: `${counts.length === 0 ? 'nothing is sealed yet' : `${counts.join(', ')}${part}`}${old ? '; run keys rotate' : ''}`,
  };
}

/** Most users that the finding names. */
const NAMED_USERS = 5;

const FAULT_NAMES = { post_payment: 'payments', deliver_webhook: 'deliveries', sync_connection: 'syncs' };

/** Names what waits because of a fault of ours: the log lines of the example say which. */
export async function checkOwnFaults({ database }: Deps): Promise<Finding> {
  const faults = await findOwnFaults({ database });
  if (faults.length === 0) return { state: 'ok', found: 'nothing waits for a fault of ours' };
  const named = faults.slice(0, NAMED_USERS).map(({ kind, userPublicId, count, example }) => {
    const of = userPublicId === null ? '' : ` of ${userPublicId}`;
    return `${FAULT_NAMES[kind]}${of} (${count}, such as ${example})`;
  });
  const more = faults.length > NAMED_USERS ? `, and those of ${faults.length - NAMED_USERS} more users` : '';
  return {
    state: 'failed',
    found: `a fault of ours stops ${named.join(', ')}${more}; the worker's error log has the reason`,
  };
}

const AUDIT_FINDINGS: Readonly<Record<AuditGuard, Finding>> = {
  guarded: { state: 'ok', found: 'append-only' },
  owned: {
    state: 'warn',
    found:
      'append-only, but this role owns the table and could change that; docs/operating.md, "A role for the application", has one that cannot',
  },
  missing: { state: 'failed', found: 'its trigger is missing or disabled: entries can be changed' },
};

export async function checkAuditLog({ database }: Deps): Promise<Finding> {
  return AUDIT_FINDINGS[await auditGuard({ database })];
}

/** Nothing is posted until somebody has decided. */
export async function checkLineage({ database }: Deps): Promise<Finding> {
  const loss = await findLossInDoubt({ database });
  if (loss === null) return { state: 'ok', found: 'no loss of commits was noticed' };
  return {
    state: 'failed',
    found: `since ${loss.since.toISOString().slice(0, 16)}Z: ${LOSS_SENTENCES[loss.doubt]}`,
  };
}

/** A hold is never an error, but it must not be forgotten: payments wait until it ends. */
export async function checkHolds({ database }: Deps): Promise<Finding> {
  const holds = await listHolds({ database });
  if (holds.length === 0) return { state: 'ok', found: 'none is on' };
  const named = holds.slice(0, 5).map(({ scope, startedAt, startedBy, waiting }) => {
    const since = startedAt.toISOString().slice(0, 16);
    return `${scope} since ${since}Z by ${startedBy}, ${counted(waiting, { one: 'payment waits', many: 'payments wait' })}`;
  });
  const more = holds.length > named.length ? `, and ${holds.length - named.length} more` : '';
  return { state: 'warn', found: `posting is on hold: ${named.join('; ')}${more}` };
}

/** Days ahead below which somebody has to look why the workers make no partitions. */
const LEAST_DAYS_AHEAD = 7;

/** How much of `max_locks_per_transaction` a partition needs when all sessions are busy (docs/postgresql.md, "Locks"). */
const LOCKS_PER_PARTITION = 2.5;

/** Rows without a partition of their time are safe, but the default partition grows, and what is in it is neither dropped nor archived. */
export async function checkPartitions({ database }: Deps): Promise<Finding> {
  const cover = await partitionCover({ database });
  const days = Math.floor(Math.min(...cover.map(({ daysAhead }) => daysAhead)));
  const inDefault = cover.filter(({ defaultRows }) => defaultRows > 0);
  const { partitions, locks } = await lockRoom({ database });
  const wanted = Math.ceil(LOCKS_PER_PARTITION * partitions);
  const late = [
    ...(days < LEAST_DAYS_AHEAD ? [`they cover only the next ${Math.max(0, days)} days`] : []),
    ...inDefault.map(
      ({ table, defaultRows }) =>
        `${defaultRows >= 1_000 ? '1000 or more' : defaultRows} rows of ${table} are in the default one`,
    ),
  ];
  const problems = [
    ...(late.length > 0
      ? [`${late.join('; ')}. The workers make partitions every hour: see their error log`]
      : []),
    ...(locks < wanted
      ? [
          `with ${partitions} partitions of payments, max_locks_per_transaction of PostgreSQL should be ${wanted} or more and is ${locks}: raise it, or archive old payments`,
        ]
      : []),
  ];
  if (problems.length === 0) return { state: 'ok', found: `made for the next ${days} days` };
  return { state: 'warn', found: problems.join('; ') };
}

/** True after a TLS handshake, certificate check included. No request is sent. */
function handshake(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, servername: isIP(host) === 0 ? host : '', timeout: CONNECT_MS });
    const end = (reachable: boolean) => {
      socket.destroy();
      resolve(reachable);
    };
    socket.once('secureConnect', () => end(true));
    socket.once('error', () => end(false));
    socket.once('timeout', () => end(false));
  });
}

/** Never `failed`: an EMR may be down for reasons of its own, and a practice's EMR may be on the inside only. */
export async function checkOutbound({ database }: Deps): Promise<Finding> {
  const users = await listUsers({ database }, {});
  const urls = users.flatMap(({ connection }) => (connection === null ? [] : [new URL(connection.baseUrl)]));
  const hosts = new Map(urls.filter(({ protocol }) => protocol === 'https:').map((url) => [url.host, url]));
  if (hosts.size === 0) return { state: 'ok', found: 'no EMR is connected over https; nothing to try' };
  const results = await Promise.all(
    [...hosts.values()].slice(0, OUTBOUND_HOSTS).map(async ({ hostname, host, port }) => {
      const reachable = await handshake(hostname.replace(/^\[|\]$/g, ''), port === '' ? 443 : Number(port));
      return { text: `${host} ${reachable ? 'reached' : 'not reached'}`, reachable };
    }),
  );
  const state = results.every(({ reachable }) => reachable) ? 'ok' : 'warn';
  return { state, found: results.map(({ text }) => text).join(', ') };
}
