import { JOBS_CHANNEL } from '../core/jobs-channel.ts';
import { query, type StatementDeps } from '../core/statements.ts';
import { JOB_KINDS, type JobKind } from './job-kinds.ts';

/** `swep` in ASCII. */
const SWEEP_LOCK = 0x73776570;

/** For each kind the parameter that says since when its queue has waited. The first two are others. */
const WAITS = JOB_KINDS.map((kind, index) => `WHEN '${kind}' THEN $${index + 3}::float8`).join(' ');

/**
 * Takes back jobs that were handed to the queue and that no worker holds: the holder's lease has run out, or no worker
 * claimed them within `unclaimedMs` (the process died between commit and hand-over, or the queue was wiped). They wait again, and
 * the relay feeds them lane by lane, like any other job.
 *
 * A job that still waits in the queue is not taken back, however long it waits: it would be fed and added again with every sweep, and a
 * queue whose workers are slow would grow without end. The queue is first in, first out. So a job that was queued before
 * everything that waits now is no longer there. The queue gives back the time that it was given with its entries, which is
 * `queued_at`: no other clock than PostgreSQL's is used.
 *
 * One sweeper works at a time; the others find the lock taken and do nothing.
 */
const SWEEP = {
  name: 'sweep-jobs',
  text: `
    WITH leader AS MATERIALIZED (SELECT pg_try_advisory_xact_lock(${SWEEP_LOCK}) AS alone), lost AS MATERIALIZED (
      SELECT id, lease_until IS NOT NULL AS claimed FROM jobs
       WHERE (SELECT alone FROM leader) AND queued_at IS NOT NULL
         AND (lease_until < now() OR (lease_until IS NULL AND queued_at < now() - make_interval(secs => $1 / 1000.0)
              AND queued_at < coalesce(to_timestamp(CASE kind ${WAITS} END / 1000), now())
                              - make_interval(secs => $1 / 1000.0)))
       ORDER BY queued_at LIMIT $2 FOR UPDATE SKIP LOCKED
    ), taken AS (
      UPDATE jobs SET queued_at = NULL, lease_until = NULL FROM lost WHERE jobs.id = lost.id
    ), notified AS MATERIALIZED (
      SELECT pg_notify('${JOBS_CHANNEL}', '') FROM (SELECT FROM lost LIMIT 1) AS any_row
    )
    SELECT count(*) FILTER (WHERE claimed)::int AS expired, count(*) FILTER (WHERE NOT claimed)::int AS unclaimed
      FROM lost LEFT JOIN notified ON true`,
};

/** For each kind of job, the `queuedAt` of the entries that have waited longest in the queue; null when none waits. */
export type QueueWaits = Readonly<Record<JobKind, number | null>>;

/** @returns how many leases had run out, and how many jobs had not been claimed in time. */
export async function sweepJobs(
  deps: StatementDeps,
  { unclaimedMs, limit, waiting }: { unclaimedMs: number; limit: number; waiting: QueueWaits },
): Promise<{ expired: number; unclaimed: number }> {
  const [row] = await query<{ expired: number; unclaimed: number }>(deps, SWEEP, [
    unclaimedMs,
    limit,
    ...JOB_KINDS.map((kind) => waiting[kind]),
  ]);
  return row ?? { expired: 0, unclaimed: 0 };
}
