import { named } from '../core/named.ts';
import { query, type StatementDeps } from '../core/statements.ts';
import type { Claim } from '../jobs/renew-leases.ts';

export type SyncEnd = {
  state: 'done' | 'failed' | 'canceled';
  /** In our words: why it failed, or what was not done. */
  trouble?: { code: string; reason: string };
  /** False: the next run is a full one. */
  believed?: boolean;
};

/**
 * Ends a run, unless a full one was requested while it read only what has changed: deletes the job, and stores where the next incremental run begins. Without a watermark, or when the run was not believed, the
 * next one is full.
 */
const END = named({
  name: 'end-sync',
  values: ['jobId', 'fence', 'state', 'code', 'reason', 'believed'],
  text: `
    WITH present AS MATERIALIZED (
      SELECT r.full_wanted AND :state::sync_state = 'done' AS "fullWanted" FROM jobs j JOIN sync_runs r ON r.id = j.sync_run_id
       WHERE j.id = :jobId AND j.fence = :fence FOR UPDATE OF j, r
    ), job AS (
      DELETE FROM jobs WHERE id = :jobId AND fence = :fence AND NOT (SELECT "fullWanted" FROM present) RETURNING sync_run_id
    ), run AS (
      UPDATE sync_runs r SET state = :state::sync_state, ended_at = now(), cursor = NULL,
             last_code = :code, last_reason = :reason
        FROM job WHERE r.id = job.sync_run_id
      RETURNING r.*
    ), next AS (
      UPDATE connections c
         SET sync_watermark = CASE WHEN :believed THEN run.watermark END,
             full_synced_at = CASE WHEN :believed AND run.kind = 'full' THEN run.started_at
                                   WHEN c.synced_version = run.version THEN c.full_synced_at END,
             synced_version = run.version
        FROM run WHERE c.user_id = run.user_id AND run.state = 'done' AND c.updated_at = run.version
    )
    SELECT present."fullWanted", id::text AS "runId", kind, pages, seen, added, changed, closed, ambiguous, unreadable, conflicts
      FROM present LEFT JOIN run ON true`,
});

const FORGET = {
  name: 'forget-seen-patients',
  text: `
    WITH gone AS (
      DELETE FROM sync_seen WHERE ctid = ANY (ARRAY(SELECT ctid FROM sync_seen WHERE run_id = $1 LIMIT 10000)) RETURNING 1
    )
    SELECT count(*)::int AS gone FROM gone`,
};

export type SyncCounts = {
  pages: number;
  seen: number;
  added: number;
  changed: number;
  closed: number;
  ambiguous: number;
  unreadable: number;
  conflicts: number;
};

export type EndedSync = SyncCounts & { kind: 'full' | 'incremental' };

/** Removes the records that a run has read, in small steps. Those that an outage leaves are pruned. */
async function forgetSeen(deps: StatementDeps, { runId }: { runId: string }): Promise<void> {
  for (let more = true; more; ) {
    const [row] = await query<{ gone: number }>(deps, FORGET, [runId]);
    more = (row?.gone ?? 0) > 0;
  }
}

/**
 * @returns what it has done; `full_wanted` when it was not ended, because it has to begin again as a full one; null when the claim is no
 *   longer ours: nothing was changed.
 */
export async function endSync(
  deps: StatementDeps,
  { claim, end }: { claim: Claim; end: SyncEnd },
): Promise<EndedSync | 'full_wanted' | null> {
  const { state, trouble, believed = true } = end;
  const values = END.values({
    jobId: claim.jobId,
    fence: claim.fence,
    state,
    code: trouble?.code ?? null,
    reason: trouble?.reason ?? null,
    believed,
  });
  type Row = EndedSync & ({ fullWanted: false; runId: string | null } | { fullWanted: true });
  const [row] = await query<Row>(deps, END, values);
  if (row === undefined) return null;
  if (row.fullWanted) return 'full_wanted';
  if (row.runId === null) return null;
  const { runId, fullWanted: _, ...ended } = row;
  await forgetSeen(deps, { runId });
  return ended;
}
