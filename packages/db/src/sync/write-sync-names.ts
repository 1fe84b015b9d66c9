import type { Database } from '../core/database.ts';
import { query } from '../core/statements.ts';
import type { Claim } from '../jobs/renew-leases.ts';
import { type NameLists, storeNames } from '../names/store-names.ts';
import { noteProgress, type StepEnd, stepOfRun } from './step-of-run.ts';

const NEXT = {
  name: 'sync-names-written',
  text: `
    UPDATE sync_runs SET phase = 'patients', trouble_since = NULL, last_code = NULL, last_reason = NULL WHERE id = $1::bigint AND phase = 'names'`,
};

/** Writes the names that a run has read, and lets it go on to the patients. */
export async function writeSyncNames(
  deps: { database: Pick<Database, 'pool'> },
  { claim, version, lists }: { claim: Claim; version: string; lists: NameLists },
): Promise<StepEnd<null>> {
  return stepOfRun(deps, { claim }, async (tx, { runId, userId }) => {
    await storeNames(tx, { userId, version, lists });
    await query(tx, NEXT, [runId]);
    await noteProgress(tx, { claim });
    return null;
  });
}
