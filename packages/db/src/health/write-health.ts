import {
  connectionBrokenEvent,
  connectionRestoredEvent,
  newEventId,
  sentence,
} from '@emr-payments/contracts';
import { JOBS_CHANNEL } from '../core/jobs-channel.ts';
import { named } from '../core/named.ts';
import { query, type StatementDeps } from '../core/statements.ts';
import type { Transaction } from '../core/transaction.ts';
import { publishEvent } from '../events/publish-event.ts';
import { hastenRejected } from './hasten-rejected.ts';
import type { Health, NextHealth } from './next-state.ts';
import { isLoginStopped, type StoredHealth } from './read-health.ts';

/**
 * Writes a state by compare-and-set on its version. The present probe, if there is one, has ended by it. A save of the connection waits for this, or this for the save: the state of an
 * exchange over former credentials is never written after they were replaced.
 */
const WRITE = named({
  name: 'write-health',
  values: [
    'userId',
    'connectionVersion',
    'version',
    'state',
    'since',
    'lastSuccessAt',
    'troubleCode',
    'troubleDetail',
    'troubleAt',
    'failures',
    'failingSince',
    'outages',
    'outageOpen',
    'stoppedUntil',
    'loginEndedAt',
    'doubtful',
    'rejections',
    'savedSinceBroken',
    'opens',
  ],
  text: `
    WITH present AS MATERIALIZED (
      SELECT user_id FROM connections WHERE user_id = :userId AND updated_at = :connectionVersion::timestamptz FOR SHARE
    ), written AS (
      INSERT INTO connection_states AS s (user_id, state, since, last_success_at, last_trouble_code, last_trouble_detail, last_trouble_at,
                                          failures, failing_since, outages, outage_open, stopped_until, login_ended_at, doubtful,
                                          rejections, saved_since_broken, version)
      SELECT user_id, :state::connection_health, :since, :lastSuccessAt::timestamptz, :troubleCode, :troubleDetail, :troubleAt::timestamptz,
             :failures, :failingSince::timestamptz, :outages, :outageOpen, :stoppedUntil::timestamptz, :loginEndedAt::timestamptz, :doubtful,
             :rejections, :savedSinceBroken, 1
        FROM present
      ON CONFLICT (user_id) DO UPDATE
         SET state = excluded.state, since = excluded.since, last_success_at = greatest(excluded.last_success_at, s.last_success_at),
             last_trouble_code = excluded.last_trouble_code, last_trouble_detail = excluded.last_trouble_detail,
             last_trouble_at = excluded.last_trouble_at, failures = excluded.failures, failing_since = excluded.failing_since,
             outages = excluded.outages, outage_open = excluded.outage_open, stopped_until = excluded.stopped_until,
             login_ended_at = excluded.login_ended_at, doubtful = excluded.doubtful, rejections = excluded.rejections,
             saved_since_broken = excluded.saved_since_broken, probe_until = NULL, version = s.version + 1
       WHERE s.version = :version
      RETURNING user_id
    ), notified AS MATERIALIZED (
      SELECT pg_notify('${JOBS_CHANNEL}', '') FROM written WHERE :opens
    )
    SELECT user_id FROM written LEFT JOIN notified ON true`,
});

type Change = { stored: StoredHealth; userId: number; next: NextHealth };

/** Writes the state, and nothing else. @returns false when it was changed since it was read, or the connection was saved. */
export async function writeHealth(deps: StatementDeps, { stored, userId, next }: Change): Promise<boolean> {
  const { health } = next;
  const values = WRITE.values({
    userId,
    connectionVersion: stored.connectionVersion,
    version: stored.version,
    state: health.state,
    since: health.since,
    lastSuccessAt: health.lastSuccessAt,
    troubleCode: health.lastTrouble?.code ?? null,
    troubleDetail: health.lastTrouble?.detail ?? null,
    troubleAt: health.lastTrouble?.at ?? null,
    failures: health.failures,
    failingSince: health.failingSince,
    outages: health.outages,
    outageOpen: health.outageOpen,
    stoppedUntil: health.stoppedUntil,
    loginEndedAt: health.loginEndedAt,
    doubtful: health.doubtful,
    rejections: health.rejections,
    savedSinceBroken: health.savedSinceBroken,
    // What waited behind the gate is fed at once.
    opens: isLoginStopped(stored) && !isLoginStopped({ health, now: stored.now }),
  });
  return (await query(deps, WRITE, values)).length === 1;
}

/** True for a change that ends a broken login. */
export function endsLogin({ stored, next }: Pick<Change, 'stored' | 'next'>): boolean {
  return stored.health.state === 'login_required' && next.health.state !== 'login_required';
}

/**
 * Writes the state with its event in the caller's transaction, and makes the jobs due that a broken login had put off when that has ended.
 *
 * @returns as `writeHealth`; when it is false, nothing else was written either.
 */
export async function writeHealthIn(tx: Transaction, change: Change): Promise<boolean> {
  if (!(await writeHealth(tx, change))) return false;
  if (endsLogin(change)) await hastenRejected(tx, change);
  const event = eventOf(change);
  if (event === null) return true;
  const { userId, stored } = change;
  await publishEvent(tx, { clientPk: stored.clientPk, userId, event });
  return true;
}

function eventOf({ stored, next: { health, event } }: Change) {
  if (event === null) return null;
  const { userPublicId, now } = stored;
  const head = { eventId: newEventId(), created: now, userPublicId, since: health.since };
  const { code, detail } = health.lastTrouble ?? UNKNOWN;
  if (event === 'restored') {
    const reason =
      stored.health.state === 'login_required'
        ? sentence`The EMR accepts the credentials again.`
        : sentence`The EMR answers again.`;
    return connectionRestoredEvent({ ...head, code, reason, sequence: 2 * health.outages });
  }
  const state = health.state === 'login_required' ? 'login_required' : 'unreachable';
  return connectionBrokenEvent({ ...head, state, code, reason: detail, sequence: 2 * health.outages - 1 });
}

/** An outage always has a trouble; a row that somebody changed by hand may have none. */
const UNKNOWN: Pick<NonNullable<Health['lastTrouble']>, 'code' | 'detail'> = {
  code: 'unreachable',
  detail: sentence`The EMR could not be used.`,
};
