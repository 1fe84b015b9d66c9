import type { Database } from '../core/database.ts';
import { query } from '../core/statements.ts';
import { inTransaction } from '../core/transaction.ts';
import type { Claim } from '../jobs/renew-leases.ts';

/** The patients that it has written stay, with their counts. Its troubles were those of the list that it gives up. */
const RESTART = {
  name: 'restart-sync',
  text: `
    WITH job AS (
      UPDATE jobs SET tries = 0 WHERE id = $1 AND fence = $2 AND lease_until > now() RETURNING sync_run_id
    ), forgotten AS (
      DELETE FROM sync_seen s USING job WHERE s.run_id = job.sync_run_id
    )
    UPDATE sync_runs r SET kind = 'full', full_wanted = false, phase = 'names', since = NULL, cursor = NULL, watermark = NULL, pages = 0, seen = 0,
           unreadable = 0, conflicts = 0, restarts = r.restarts + 1, version = c.updated_at,
           trouble_since = NULL, last_code = NULL, last_reason = NULL
      FROM job, connections c WHERE r.id = job.sync_run_id AND c.user_id = r.user_id
    RETURNING r.id`,
};

/**
 * Lets a run begin again, as a full one: the connection was changed, a full run was requested, PostgreSQL has lost what the run had read, or the EMR does not know its
 * place in the list any more.
 *
 * @returns false when the claim is no longer ours.
 */
export async function restartSync(
  { database }: { database: Pick<Database, 'pool'> },
  { claim }: { claim: Claim },
): Promise<boolean> {
  return inTransaction({ database }, async (tx) => {
    const rows = await query(tx, RESTART, [claim.jobId, claim.fence]);
    return { commit: true, value: rows.length === 1 };
  });
}
