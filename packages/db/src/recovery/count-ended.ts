import { named } from '../core/named.ts';
import { query, type StatementDeps } from '../core/statements.ts';
import type { Turn } from './claim-turn.ts';
import type { RecoveryState } from './find-recovery.ts';
import { LONGEST_PAUSE_SECONDS } from './search-missed.ts';

/** Most deliveries that one turn counts. */
const AT_ONCE = 1_000;

/**
 * Counts a recovery's deliveries that have ended, and takes its id off them: so only few rows ever have the id, and reading the
 * progress costs the same for 300,000 events as for three. A delivery that somebody has locked is counted in a later turn.
 *
 * Ends the recovery when the search is over and nothing of it is left (`done`), or when its endpoint was disabled or deleted
 * before that (`canceled`). What disables an endpoint cancels its recoveries itself; this is for a worker of an earlier version.
 */
const COUNT = named({
  name: 'count-ended',
  values: ['recoveryId', 'turn'],
  text: `
    WITH recovery AS MATERIALIZED (
      SELECT r.id, e.disabled_at IS NOT NULL OR e.deleted_at IS NOT NULL AS stopped
        FROM recoveries r JOIN webhook_endpoints e ON e.id = r.endpoint_id
       WHERE r.id = :recoveryId AND r.turns = :turn AND r.state = 'running' FOR UPDATE OF r
    ), ended AS MATERIALIZED (
      SELECT d.event_id, d.id FROM recovery JOIN deliveries d ON d.recovery_id = recovery.id AND d.status <> 'pending'
       LIMIT ${AT_ONCE} FOR UPDATE OF d SKIP LOCKED
    ), counted AS (
      UPDATE deliveries d SET recovery_id = NULL FROM ended WHERE d.event_id = ended.event_id AND d.id = ended.id RETURNING d.status
    ), tally AS MATERIALIZED (
      SELECT count(*) FILTER (WHERE status = 'delivered')::int AS delivered,
             count(*) FILTER (WHERE status <> 'delivered')::int AS failed, count(*) AS n FROM counted
    ), rest AS MATERIALIZED (
      SELECT EXISTS (SELECT FROM recovery JOIN deliveries d ON d.recovery_id = recovery.id
                      WHERE d.id NOT IN (SELECT id FROM ended)) AS any_left
    ), verdict AS MATERIALIZED (
      SELECT r.id, CASE WHEN r.total IS NOT NULL AND NOT rest.any_left THEN 'done'
                        WHEN recovery.stopped AND tally.n < ${AT_ONCE} THEN 'canceled'
                        ELSE 'running' END::recovery_state AS state
        FROM recovery JOIN recoveries r ON r.id = recovery.id CROSS JOIN rest CROSS JOIN tally
    )
    UPDATE recoveries r
       SET delivered = r.delivered + tally.delivered, failed = r.failed + tally.failed, state = verdict.state,
           ended_at = CASE WHEN verdict.state <> 'running' THEN now() END,
           idle_turns = CASE WHEN tally.n > 0 THEN 0 WHEN r.total IS NULL THEN r.idle_turns ELSE r.idle_turns + 1 END,
           next_turn_at = CASE
             WHEN tally.n = ${AT_ONCE} THEN now()
             WHEN tally.n > 0 THEN CASE WHEN r.total IS NULL THEN least(r.next_turn_at, now() + interval '1 second')
                                        ELSE now() + interval '1 second' END
             WHEN r.total IS NULL THEN r.next_turn_at
             ELSE now() + make_interval(secs => least(${LONGEST_PAUSE_SECONDS}, greatest(1, r.idle_turns))) END
      FROM verdict CROSS JOIN tally WHERE r.id = verdict.id
    RETURNING r.state`,
});

/** @returns the recovery's state; null when the turn is over: nothing was changed. */
export async function countEnded(
  tx: StatementDeps,
  { recoveryId, turn }: Turn,
): Promise<RecoveryState | null> {
  const [row] = await query<{ state: RecoveryState }>(tx, COUNT, COUNT.values({ recoveryId, turn }));
  return row?.state ?? null;
}
