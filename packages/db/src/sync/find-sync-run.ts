import { query, type StatementDeps } from '../core/statements.ts';
import type { SyncCounts } from './end-sync.ts';

export type SyncState = 'waiting' | 'running' | 'done' | 'failed' | 'canceled';

/** One sync of a connection, as it is shown. */
export type SyncRunRecord = SyncCounts & {
  jobId: number;
  kind: 'full' | 'incremental';
  startedBy: 'schedule' | 'request';
  state: SyncState;
  createdAt: Date;
  startedAt: Date | null;
  endedAt: Date | null;
  /** The last trouble, in our words; null when there is none. */
  lastCode: string | null;
  lastReason: string | null;
  /** When it goes on, at the earliest, if it waits. */
  nextTryAt: Date | null;
};

const RUN = `
    SELECT r.job_id AS "jobId", r.kind, r.started_by AS "startedBy", r.state, r.created_at AS "createdAt", r.started_at AS "startedAt",
           r.ended_at AS "endedAt", r.last_code AS "lastCode", r.last_reason AS "lastReason", r.pages, r.seen, r.added, r.changed, r.closed,
           r.ambiguous, r.unreadable, r.conflicts, CASE WHEN j.lease_until IS NULL THEN j.run_at END AS "nextTryAt"
      FROM sync_runs r LEFT JOIN jobs j ON j.id = r.job_id`;

const FIND = { name: 'find-sync-run', text: `${RUN} WHERE r.job_id = $1 AND r.user_id = $2` };
const LATEST = {
  name: 'find-latest-sync-run',
  text: `${RUN} WHERE r.user_id = $1 ORDER BY r.id DESC LIMIT 1`,
};

/** Finds a sync of this user by its job; null when there is none, or it is another user's. */
export async function findSyncRun(
  deps: StatementDeps,
  { userId, jobId }: { userId: number; jobId: number },
): Promise<SyncRunRecord | null> {
  const [row] = await query<SyncRunRecord>(deps, FIND, [jobId, userId]);
  return row ?? null;
}

/** Finds the last sync of a user; null when there was none. */
export async function findLatestSync(
  deps: StatementDeps,
  { userId }: { userId: number },
): Promise<SyncRunRecord | null> {
  const [row] = await query<SyncRunRecord>(deps, LATEST, [userId]);
  return row ?? null;
}
