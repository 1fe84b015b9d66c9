import { query, type StatementDeps } from '../core/statements.ts';
import { MINUTE } from '../lookups/look-up-rules.ts';

/** `keep` in ASCII. */
const RETENTION_LOCK = 0x6b656570;

/** Most rows that one batch removes. */
export const PRUNE_BATCH = 500;

/** A batch removes nothing while another process prunes. The lock ends with the statement. */
const LEADER = `leader AS MATERIALIZED (SELECT pg_try_advisory_xact_lock(${RETENTION_LOCK}) AS alone)`;

/**
 * The least id of a later time than now, with a day for clocks that are fast. An old event with such an id is from before ids began with
 * their time, and random: it is in `_old`, or, one in a hundred, in the default partition or in one that is made ahead. No partition is
 * dropped for it in time.
 */
const FIRST_RANDOM_ID = `(SELECT id FROM later)`;

/** Events of one client that are past the limit, oldest first, along the index that lists a client's events. */
const oldEvents = (ids: string): string => `
        (SELECT v.id FROM events v
          WHERE v.client_pk = c.id AND v.created_at < now() - make_interval(days => $1) AND ${ids}
            AND (SELECT count(*) FROM (SELECT FROM deliveries d WHERE d.event_id = v.id AND d.status = 'pending' LIMIT 1) AS pending) = 0
          ORDER BY v.created_at, v.id LIMIT $2)`;

/**
 * Removes events that are older than the limit, with their deliveries and attempts, if none of the deliveries is pending: those that
 * are in no partition of their time, which is dropped as a whole. Their ids are random (`FIRST_RANDOM_ID`), or of a time whose partitions
 * have been dropped, so that they are in the default partition: `floor` is where the first partition begins.
 *
 * It goes client by client, so that pruning needs no index of its own, which every settled payment would have to write to.
 * Rows are looked up by arrays, and deliveries event by event: with joins PostgreSQL reads every partition whole.
 *
 * An event that is being sent again meanwhile stays: its deliveries are locked first, and read as they are then. An endpoint's first delivery
 * of an event cannot be locked, because it is not there yet: the job of such a one is removed when it is claimed (`claim-delivery.ts`).
 */
const EVENTS = `
    floor AS MATERIALIZED (
      SELECT CASE WHEN bool_and(b.text NOT LIKE '%(MINVALUE)%') THEN min(substring(b.text FROM 'FROM [(]''(evt_0[^'']+)') COLLATE "C") END AS id
        FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhrelid CROSS JOIN LATERAL (SELECT pg_get_expr(p.relpartbound, p.oid) AS text) b
       WHERE i.inhparent = 'events'::regclass
    ), later AS MATERIALIZED (
      SELECT first_event_id(now() + interval '1 day') COLLATE "C" AS id
    ), past AS MATERIALIZED (
      SELECT e.id FROM clients c CROSS JOIN LATERAL (${oldEvents(`v.id >= ${FIRST_RANDOM_ID}`)}
        UNION ALL ${oldEvents('v.id < (SELECT id FROM floor)')}
      ) e WHERE (SELECT alone FROM leader) LIMIT $2
    ), ended AS MATERIALIZED (
      SELECT d.event_id FROM deliveries d WHERE d.event_id = ANY (ARRAY(SELECT id FROM past)) AND d.status <> 'pending' ORDER BY d.id FOR UPDATE SKIP LOCKED
    ), old AS MATERIALIZED (
      SELECT past.id FROM past
       WHERE (SELECT count(*) FROM deliveries d WHERE d.event_id = past.id) = (SELECT count(*) FROM ended WHERE ended.event_id = past.id)
    ), no_attempts AS (
      DELETE FROM delivery_attempts WHERE event_id = ANY (ARRAY(SELECT id FROM old))
    ), no_deliveries AS (
      DELETE FROM deliveries WHERE event_id = ANY (ARRAY(SELECT id FROM old))
    ), gone AS (
      DELETE FROM events WHERE id = ANY (ARRAY(SELECT id FROM old)) RETURNING id
    )`;

/** Removes keys that are older than the limit, except those whose payment is still open: it could be made a second time. */
const KEYS = `
    old AS MATERIALIZED (
      SELECT k.client_pk, k.user_id, k.key FROM idempotency_keys k
       WHERE (SELECT alone FROM leader) AND k.created_at < now() - make_interval(days => $1)
         AND (SELECT p.status IN ('accepted', 'posting', 'retrying', 'submitted') FROM payments p WHERE p.id = k.payment_id) IS NOT TRUE
       ORDER BY k.created_at LIMIT $2
    ), gone AS (
      DELETE FROM idempotency_keys k USING old
       WHERE k.client_pk = old.client_pk AND k.user_id = old.user_id AND k.key = old.key RETURNING 1
    )`;

/** Removes old recoveries that have ended and whose deliveries are all counted or gone. */
const RECOVERIES = `
    old AS MATERIALIZED (
      SELECT r.id FROM recoveries r
       WHERE (SELECT alone FROM leader) AND r.created_at < now() - make_interval(days => $1) AND r.state <> 'running'
         AND NOT EXISTS (SELECT FROM deliveries d WHERE d.recovery_id = r.id) LIMIT $2
    ), gone AS (
      DELETE FROM recoveries r USING old WHERE r.id = old.id RETURNING 1
    )`;

/**
 * Removes the EMR's own words about attempts that are older than the limit, if their payment is settled and nobody has to look
 * into it. The attempt itself is kept.
 */
const EMR_TEXTS = `
    old AS MATERIALIZED (
      SELECT a.payment_id, a.number FROM posting_attempts a
       WHERE (SELECT alone FROM leader) AND a.emr_text IS NOT NULL AND a.sent_at < now() - make_interval(days => $1)
         AND (SELECT p.status IN ('posted', 'failed') FROM payments p WHERE p.id = a.payment_id)
       ORDER BY a.sent_at LIMIT $2
    ), gone AS (
      UPDATE posting_attempts a SET emr_text = NULL FROM old
       WHERE a.payment_id = old.payment_id AND a.number = old.number RETURNING 1
    )`;

/** Removes old syncs that have ended. */
const SYNC_RUNS = `
    old AS MATERIALIZED (
      SELECT id FROM sync_runs
       WHERE (SELECT alone FROM leader) AND ended_at < now() - make_interval(days => $1) ORDER BY ended_at LIMIT $2
    ), gone AS (
      DELETE FROM sync_runs r USING old WHERE r.id = old.id RETURNING 1
    )`;

/** Takes what a login gave out of sessions whose time is over: nobody will use it. In all, whatever their age. */
const HELD_LOGINS = `
    old AS MATERIALIZED (
      SELECT s.id FROM connect_sessions s
       WHERE (SELECT alone FROM leader) AND s.held IS NOT NULL AND s.expires_at < now() - make_interval(days => $1) LIMIT $2
    ), gone AS (
      UPDATE connect_sessions s SET held = NULL, login_hash = NULL FROM old WHERE s.id = old.id RETURNING 1
    )`;

/** Removes what a run had read when it ended, and an outage kept it from removing. */
const SYNC_SEEN = `
    gone AS (
      DELETE FROM sync_seen WHERE ctid = ANY (ARRAY(
        SELECT s.ctid FROM sync_seen s
         WHERE (SELECT alone FROM leader) AND $1::int IS NOT NULL
           AND NOT EXISTS (SELECT FROM sync_runs r WHERE r.id = s.run_id AND r.state IN ('waiting', 'running'))
         LIMIT $2)) RETURNING 1
    )`;

/** Removes sessions of the connect page, also those whose access token was never fetched: an operator can give the user another. */
const CONNECT_SESSIONS = `
    old AS MATERIALIZED (
      SELECT s.id FROM connect_sessions s
       WHERE (SELECT alone FROM leader) AND s.expires_at < now() - make_interval(days => $1) LIMIT $2
    ), gone AS (
      DELETE FROM connect_sessions s USING old WHERE s.id = old.id RETURNING 1
    )`;

/** Removes questions for patients that are over. In all, whatever their age: they count for a minute. */
const PATIENT_LOOKUPS = `
    gone AS (
      DELETE FROM patient_lookups WHERE id = ANY (ARRAY(
        SELECT l.id FROM patient_lookups l
         WHERE (SELECT alone FROM leader) AND $1::int IS NOT NULL AND l.asked_at <= ${MINUTE} AND l.lease_until < now()
         LIMIT $2 FOR UPDATE SKIP LOCKED)) RETURNING 1
    )`;

/**
 * Removes endpoints that were deleted, with their lanes, when nothing of theirs is left: their deliveries go with the events, and their
 * recoveries by age.
 */
const DELETED_ENDPOINTS = `
    old AS MATERIALIZED (
      SELECT e.id, e.lane_id FROM webhook_endpoints e
       WHERE (SELECT alone FROM leader) AND e.deleted_at < now() - make_interval(days => $1)
         AND NOT EXISTS (SELECT FROM deliveries d WHERE d.endpoint_id = e.id)
         AND NOT EXISTS (SELECT FROM recoveries r WHERE r.endpoint_id = e.id)
         AND NOT EXISTS (SELECT FROM jobs j WHERE j.lane_id = e.lane_id) LIMIT $2
    ), gone AS (
      DELETE FROM webhook_endpoints e USING old WHERE e.id = old.id RETURNING e.id
    ), no_secrets AS (
      DELETE FROM webhook_secrets s USING old WHERE s.endpoint_id = old.id
    ), no_lanes AS (
      DELETE FROM lanes l USING old WHERE l.id = old.lane_id
    )`;

/** Removes signing secrets whose overlap is over. In all, whatever their age: none signs any more, and `keys rotate` need not seal them again. */
const ENDED_SECRETS = `
    gone AS (
      DELETE FROM webhook_secrets WHERE id = ANY (ARRAY(
        SELECT s.id FROM webhook_secrets s
         WHERE (SELECT alone FROM leader) AND s.expires_at < now() - make_interval(days => $1)
         LIMIT $2 FOR UPDATE SKIP LOCKED)) RETURNING 1
    )`;

/**
 * Removes limits of requests under which no connection falls: a connection that was only tried, or that was replaced, has left them. One of
 * which a call was counted since is kept.
 */
const UNUSED_LIMITS = `
    gone AS (
      DELETE FROM rate_buckets WHERE id = ANY (ARRAY(
        SELECT b.id FROM rate_buckets b
         WHERE (SELECT alone FROM leader) AND b.updated_at < now() - make_interval(days => $1)
           AND now() - make_interval(days => $1) > ALL (b.next_slots) AND NOT EXISTS (SELECT FROM lanes l WHERE l.bucket_id = b.id)
         LIMIT $2 FOR UPDATE SKIP LOCKED)) RETURNING 1
    )`;

/** Removes credentials of one kind that ended so long ago. Until then the audit log names the owner of one that is tried. */
const endedCredentials = (table: 'client_secrets' | 'access_tokens' | 'operator_key_secrets'): string => `
    gone AS (
      DELETE FROM ${table} WHERE id = ANY (ARRAY(
        SELECT s.id FROM ${table} s
         WHERE (SELECT alone FROM leader) AND s.expires_at < now() - make_interval(days => $1)
         LIMIT $2 FOR UPDATE SKIP LOCKED)) RETURNING 1
    )`;

/** A statement that removes one batch. @param gone CTEs of which the last, `gone`, has a row for each row that is removed. */
const removing = (name: string, gone: string) => ({
  name,
  text: `WITH ${LEADER},${gone}
    SELECT count(*)::int AS gone FROM gone`,
});

const STATEMENTS = {
  events: removing('prune-events', EVENTS),
  recoveries: removing('prune-recoveries', RECOVERIES),
  idempotency_keys: removing('prune-idempotency-keys', KEYS),
  emr_texts: removing('prune-emr-texts', EMR_TEXTS),
  sync_runs: removing('prune-sync-runs', SYNC_RUNS),
  sync_seen: removing('prune-sync-seen', SYNC_SEEN),
  patient_lookups: removing('prune-patient-lookups', PATIENT_LOOKUPS),
  held_logins: removing('prune-held-logins', HELD_LOGINS),
  connect_sessions: removing('prune-connect-sessions', CONNECT_SESSIONS),
  ended_secrets: removing('prune-ended-secrets', ENDED_SECRETS),
  client_secrets: removing('prune-client-secrets', endedCredentials('client_secrets')),
  access_tokens: removing('prune-access-tokens', endedCredentials('access_tokens')),
  operator_key_secrets: removing('prune-operator-key-secrets', endedCredentials('operator_key_secrets')),
  deleted_endpoints: removing('prune-deleted-endpoints', DELETED_ENDPOINTS),
  unused_limits: removing('prune-unused-limits', UNUSED_LIMITS),
};

export type Prunable = keyof typeof STATEMENTS;

/**
 * Removes one batch of rows that are finished and older than the limit; of events those that no partition is dropped for
 * (`dropEventPartitions`), of posting attempts only the EMR's own words.
 * Payments, posting attempts and the audit log are never removed.
 *
 * @param input.days how long rows are kept.
 * @returns how many rows were removed; fewer than `limit` when those were all, or when another process prunes.
 */
export async function pruneBatch(
  deps: StatementDeps,
  { what, days, limit = PRUNE_BATCH }: { what: Prunable; days: number; limit?: number },
): Promise<number> {
  const [row] = await query<{ gone: number }>(deps, STATEMENTS[what], [days, limit]);
  return row?.gone ?? 0;
}
