import type { Database } from '../core/database.ts';
import { query } from '../core/statements.ts';
import { inRepeatableTransaction, type Transaction } from '../core/transaction.ts';
import { stopsClaimed } from '../health/gate.ts';
import type { Claim } from '../jobs/renew-leases.ts';

/**
 * Locks the job of a claim, and the connection against changes, until the end of the transaction. The planner gets no choice but to look
 * rows up in indexes: it knows nothing of the rows that a run has just added.
 */
const HOLD = {
  name: 'hold-sync-run',
  text: `
    SELECT r.id::text AS "runId", r.user_id AS "userId", ${stopsClaimed('r.user_id')} AS stopped, c.updated_at = r.version AND NOT r.full_wanted AS current,
           set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true)
      FROM jobs j JOIN sync_runs r ON r.id = j.sync_run_id JOIN connections c ON c.user_id = r.user_id
     WHERE j.id = $1 AND j.fence = $2 AND j.lease_until > now() FOR UPDATE OF j FOR SHARE OF c`,
};

/** The fate of one step of a run. `held`: it was written, and the next step has to wait behind a hold or a broken login. */
export type StepEnd<T> =
  | { outcome: 'written'; held: boolean; value: T }
  /** The claim is no longer ours: nothing was written. */
  | { outcome: 'lost' }
  /** The connection was changed since the run began, or a full run was requested: nothing was written. */
  | { outcome: 'replaced' };

/**
 * Makes one step of a run in one transaction, fenced by the claim, and only while the connection is the one that the run reads: what was
 * read from another EMR must not become the patients of this one.
 */
export function stepOfRun<T>(
  { database }: { database: Pick<Database, 'pool'> },
  { claim }: { claim: Claim },
  work: (tx: Transaction, run: { runId: string; userId: number }) => Promise<T>,
): Promise<StepEnd<T>> {
  return inRepeatableTransaction<StepEnd<T>>({ database }, async (tx) => {
    type Row = { runId: string; userId: number; stopped: boolean; current: boolean };
    const [run] = await query<Row>(tx, HOLD, [claim.jobId, claim.fence]);
    if (run === undefined) return { commit: false, value: { outcome: 'lost' } };
    if (!run.current) return { commit: false, value: { outcome: 'replaced' } };
    const value = await work(tx, run);
    return { commit: true, value: { outcome: 'written', held: run.stopped, value } };
  });
}

const PROGRESS = {
  name: 'sync-progress',
  text: `UPDATE jobs SET tries = 0 WHERE id = $1 AND tries > 0`,
};

/** Lets the backoff of the next trouble begin at its first step. */
export async function noteProgress(tx: Transaction, { claim }: { claim: Claim }): Promise<void> {
  await query(tx, PROGRESS, [claim.jobId]);
}
