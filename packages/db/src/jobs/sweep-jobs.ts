import { JOBS_CHANNEL } from '../core/jobs-channel.ts';
import { query, type StatementDeps } from '../core/statements.ts';

/** `swep` in ASCII. */
const SWEEP_LOCK = 0x73776570;

/**
 * Takes back jobs that were handed to the queue and that no worker holds: the holder's lease has run out, or no worker
 * claimed them within `unclaimedMs` (the process died between commit and hand-over, the queue was wiped, or the queue
 * is merely long). They wait again, and the relay feeds them lane by lane, like any other job. A job that is still in the queue is
 * not added twice, because its entry has the same id.
 *
 * One sweeper works at a time; the others find the lock taken and do nothing.
 */
const SWEEP = {
  name: 'sweep-jobs',
  text: `
    WITH leader AS MATERIALIZED (SELECT pg_try_advisory_xact_lock(${SWEEP_LOCK}) AS alone), lost AS MATERIALIZED (
      SELECT id, lease_until IS NOT NULL AS claimed FROM jobs
       WHERE (SELECT alone FROM leader) AND queued_at IS NOT NULL
         AND (lease_until < now() OR (lease_until IS NULL AND queued_at < now() - make_interval(secs => $1 / 1000.0)))
       ORDER BY queued_at LIMIT $2 FOR UPDATE SKIP LOCKED
    ), taken AS (
      UPDATE jobs SET queued_at = NULL, lease_until = NULL FROM lost WHERE jobs.id = lost.id
    ), notified AS MATERIALIZED (
      SELECT pg_notify('${JOBS_CHANNEL}', '') FROM (SELECT FROM lost LIMIT 1) AS any_row
    )
    SELECT count(*) FILTER (WHERE claimed)::int AS expired, count(*) FILTER (WHERE NOT claimed)::int AS unclaimed
      FROM lost LEFT JOIN notified ON true`,
};

/** @returns how many leases had run out, and how many jobs had not been claimed in time. */
export async function sweepJobs(
  deps: StatementDeps,
  { unclaimedMs, limit }: { unclaimedMs: number; limit: number },
): Promise<{ expired: number; unclaimed: number }> {
  const [row] = await query<{ expired: number; unclaimed: number }>(deps, SWEEP, [unclaimedMs, limit]);
  return row ?? { expired: 0, unclaimed: 0 };
}
