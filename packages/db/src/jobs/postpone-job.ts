import { query, type StatementDeps } from '../core/statements.ts';
import type { Claim } from './renew-leases.ts';

/**
 * Puts a job back after a fault of ours, and writes to nothing but its row: neither the payment nor the delivery, whose rows
 * may be what cannot be written. It uses up no try of a schedule, and raises the fence so that the former holder can change
 * nothing.
 */
const POSTPONE = {
  name: 'postpone-job',
  text: `
    UPDATE jobs SET queued_at = NULL, lease_until = NULL, fence = fence + 1,
           run_at = now() + make_interval(secs => $3 / 1000.0),
           same_answers = CASE WHEN last_code = $4 AND last_reason = $5 THEN same_answers + 1 ELSE 1 END,
           last_code = $4, last_reason = $5, record_failures = CASE WHEN $6 = 'not_recorded' THEN record_failures + 1 ELSE 0 END
     WHERE id = $1 AND fence = $2
    RETURNING same_answers`,
};

/**
 * @param input.claim the holder's; or the fence of an entry whose claim failed, when no worker has claimed the job since.
 * @param input.ourFault it prevented the try, or the end of the try could not be recorded.
 * @returns how many tries in a row have had this answer; null when the claim is no longer ours: nothing was changed.
 */
export async function postponeJob(
  deps: StatementDeps,
  input: {
    claim: Claim;
    delayMs: number;
    code: string;
    reason: string;
    ourFault: 'prevented' | 'not_recorded';
  },
): Promise<{ sameAnswers: number } | null> {
  const { claim, delayMs, code, reason, ourFault } = input;
  const values = [claim.jobId, claim.fence, delayMs, code, reason, ourFault];
  const [row] = await query<{ same_answers: number }>(deps, POSTPONE, values);
  return row === undefined ? null : { sameAnswers: row.same_answers };
}
