import { query, type StatementDeps } from '../core/statements.ts';
import { dueAfterStop } from '../health/gate.ts';
import type { Claim } from '../jobs/renew-leases.ts';

/**
 * Lets a run wait with its trouble. Behind a broken login it is due after the stop, no try is counted, and its troubles begin again then.
 */
const PUT_OFF = {
  name: 'put-off-sync',
  text: `
    WITH stop AS MATERIALIZED (
      ${dueAfterStop('(SELECT r.user_id FROM jobs j JOIN sync_runs r ON r.id = j.sync_run_id WHERE j.id = $1)', '$6::bool')}
    ), job AS (
      UPDATE jobs SET queued_at = NULL, lease_until = NULL, fence = fence + 1, tries = least(tries + CASE WHEN $6::bool THEN 0 ELSE 1 END, 1000),
             run_at = coalesce((SELECT until FROM stop), now() + make_interval(secs => $3::float8 / 1000.0)),
             same_answers = CASE WHEN last_code = $4 AND last_reason = $5 THEN same_answers + 1 ELSE 1 END, last_code = $4, last_reason = $5
       WHERE id = $1 AND fence = $2
      RETURNING sync_run_id
    ), run AS (
      UPDATE sync_runs r SET last_code = $4, last_reason = $5, trouble_since = CASE WHEN NOT $6::bool THEN coalesce(r.trouble_since, now()) END
        FROM job WHERE r.id = job.sync_run_id
      RETURNING r.user_id
    )
    SELECT user_id FROM run`,
};

/**
 * @param input.stopped true: the broken login of the connection stops it.
 * @returns false when the claim is no longer ours: nothing was changed.
 */
export async function putOffSync(
  deps: StatementDeps,
  input: {
    claim: Claim;
    code: string;
    reason: string;
    delayMs: number;
    stopped: boolean;
  },
): Promise<boolean> {
  const { claim, code, reason, delayMs, stopped } = input;
  const values = [claim.jobId, claim.fence, delayMs, code, reason, stopped];
  return (await query(deps, PUT_OFF, values)).length === 1;
}

const RELEASE = {
  name: 'release-sync',
  text: `UPDATE jobs SET queued_at = NULL, lease_until = NULL, fence = fence + 1, run_at = now() + make_interval(secs => $3::float8 / 1000)
          WHERE id = $1 AND fence = $2`,
};

/** Gives a run back in the middle: the syncs of other connections have their turn, and a hold that has begun is kept. */
export async function releaseSync(
  deps: StatementDeps,
  { claim, delayMs }: { claim: Claim; delayMs: number },
): Promise<void> {
  await query(deps, RELEASE, [claim.jobId, claim.fence, delayMs]);
}
