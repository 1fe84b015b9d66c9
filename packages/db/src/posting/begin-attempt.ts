import { CLAIMED, keyedBy, setStatement } from '../core/set-statement.ts';
import { queryInSet, type StatementDeps } from '../core/statements.ts';
import { loginStopsLane } from '../health/gate.ts';
import { paymentOnHold } from '../holds/on-hold.ts';
import type { Claim } from '../jobs/renew-leases.ts';
import { putBack } from './put-back.ts';

/**
 * Writes the posting attempt, numbered by the claim's fence, with `sent_at`. It is committed before the request leaves:
 * whatever happens after that, the next holder knows that something may have been sent. If the EMR was just asked about the
 * earlier attempts and has none of them, they are closed as `absent` in the same commit.
 *
 * If the payment has been put on hold since the claim, or the login of its connection was found broken, nothing is begun: the job is put
 * back and waits for the end of that, and no try is counted.
 */
const BEGIN = setStatement({
  name: 'begin-attempt',
  columns: { job_id: 'bigint', fence: 'int', known_absent: 'bool', sent_to: 'text' },
  text: `job AS MATERIALIZED (
      SELECT asked.*, jobs.payment_id, ${paymentOnHold('jobs.payment_id')} OR ${loginStopsLane('jobs.lane_id')} AS on_hold
        FROM asked JOIN jobs ON ${CLAIMED} AND jobs.lease_until > now() FOR UPDATE OF jobs
    ), absent AS (
      UPDATE posting_attempts a SET outcome = 'absent', finished_at = coalesce(a.finished_at, now()) FROM job
       WHERE ${keyedBy('a.payment_id', 'SELECT payment_id FROM job WHERE known_absent AND NOT on_hold', 'job.payment_id')}
         AND (a.outcome IS NULL OR a.outcome = 'unknown')
    ), begun AS (
      INSERT INTO posting_attempts (payment_id, number, sent_at, sent_to)
      SELECT payment_id, fence, now(), sent_to FROM job WHERE NOT on_hold
    )
    SELECT job_id, on_hold FROM job`,
});

/**
 * @param input.knownAbsent the EMR has been asked about all earlier sends and has none of them.
 * @param input.sentTo the adapter's `place`.
 * @returns false when the claim is no longer ours, the payment is on hold or its login is broken: nothing may be sent.
 */
export async function beginAttempt(
  deps: StatementDeps,
  { claim, knownAbsent, sentTo }: { claim: Claim; knownAbsent: boolean; sentTo: string },
): Promise<boolean> {
  const job = await queryInSet<{ on_hold: boolean }>(deps, BEGIN, {
    job_id: claim.jobId,
    fence: claim.fence,
    known_absent: knownAbsent,
    sent_to: sentTo,
  });
  if (job === undefined) return false;
  if (job.on_hold) await putBack(deps, claim);
  return !job.on_hold;
}
