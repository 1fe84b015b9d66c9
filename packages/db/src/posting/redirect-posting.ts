import { query, type StatementDeps } from '../core/statements.ts';
import type { Claim } from '../jobs/renew-leases.ts';

const REDIRECT = {
  name: 'redirect-posting',
  text: `
    UPDATE payments p SET emr_patient_id = $3 FROM jobs j
     WHERE j.id = $1 AND j.fence = $2 AND p.id = j.payment_id RETURNING p.id`,
};

/**
 * Gives a claimed payment of which nothing can have left the EMR patient id that its MRN has now: between its acceptance and now the id was
 * corrected, or the practice has got another EMR. It is written before anything is sent, because a look-up has to search with the same id.
 *
 * @returns false when the claim is no longer ours: nothing may be sent.
 */
export async function redirectPosting(
  deps: StatementDeps,
  { claim, emrPatientId }: { claim: Claim; emrPatientId: string },
): Promise<boolean> {
  return (await query(deps, REDIRECT, [claim.jobId, claim.fence, emrPatientId])).length === 1;
}
