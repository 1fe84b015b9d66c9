import { query, type StatementDeps } from '../core/statements.ts';
import type { Claim } from '../jobs/renew-leases.ts';

const PUT_BACK = {
  name: 'put-back',
  text: `
    WITH job AS (
      UPDATE jobs SET fence = fence + 1, queued_at = NULL, lease_until = NULL WHERE id = $1 AND fence = $2
      RETURNING payment_id
    )
    UPDATE payments p SET status = 'retrying' FROM job WHERE p.id = job.payment_id AND p.status = 'posting'`,
};

/** Gives up the claim on a payment that is stopped. No try is counted, and the job is due as soon as the hold or the broken login ends. */
export async function putBack(deps: StatementDeps, { jobId, fence }: Claim): Promise<void> {
  await query(deps, PUT_BACK, [jobId, fence]);
}
