import { query, type StatementDeps } from '../core/statements.ts';
import { onHold } from '../holds/on-hold.ts';
import type { Claim } from '../jobs/renew-leases.ts';

/**
 * Writes the posting attempt, numbered by the claim's fence, with `sent_at`. It is committed before the request leaves:
 * whatever happens after that, the next holder knows that something may have been sent. If the EMR was just asked about the
 * earlier attempts and has none of them, they are closed as `absent` in the same commit.
 *
 * If the payment has been put on hold since the claim, nothing is begun: the job is put back and waits for the end of the
 * hold, and no try is counted.
 */
const BEGIN = {
  name: 'begin-attempt',
  text: `
    WITH job AS (
      SELECT j.id, j.payment_id, ${onHold('p.user_id')} AS on_hold
        FROM jobs j JOIN payments p ON p.id = j.payment_id
       WHERE j.id = $1 AND j.fence = $2 AND j.lease_until > now() FOR UPDATE OF j
    ), put_back AS (
      UPDATE jobs SET fence = fence + 1, queued_at = NULL, lease_until = NULL FROM job WHERE job.on_hold AND jobs.id = job.id
    ), waiting AS (
      UPDATE payments p SET status = 'retrying' FROM job
       WHERE job.on_hold AND p.id = job.payment_id AND p.status = 'posting'
    ), absent AS (
      UPDATE posting_attempts a SET outcome = 'absent', finished_at = coalesce(a.finished_at, now()) FROM job
       WHERE $3 AND NOT job.on_hold AND a.payment_id = job.payment_id AND (a.outcome IS NULL OR a.outcome = 'unknown')
    )
    INSERT INTO posting_attempts (payment_id, number, sent_at) SELECT payment_id, $2, now() FROM job WHERE NOT job.on_hold
    RETURNING number`,
};

/**
 * @param input.knownAbsent the EMR has been asked about all earlier sends and has none of them.
 * @returns false when the claim is no longer ours or the payment is on hold: nothing may be sent.
 */
export async function beginAttempt(
  deps: StatementDeps,
  { claim, knownAbsent }: { claim: Claim; knownAbsent: boolean },
): Promise<boolean> {
  const rows = await query(deps, BEGIN, [claim.jobId, claim.fence, knownAbsent]);
  return rows.length === 1;
}
