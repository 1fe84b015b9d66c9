import type { JobView, SyncView } from '@emr-payments/contracts';
import type { SyncRunRecord } from '@emr-payments/db';

/** Shows how far a sync is. */
export function syncView(run: SyncRunRecord): SyncView {
  const { pages, seen, added, changed, closed, ambiguous, unreadable, conflicts } = run;
  return {
    kind: run.kind,
    started_by: run.startedBy,
    ...{ pages, seen, added, changed, closed, ambiguous, unreadable, conflicts },
    reason: run.lastReason,
    next_try_at: run.nextTryAt?.toISOString() ?? null,
    started_at: run.startedAt?.toISOString() ?? null,
  };
}

/** Shows a sync as a job. */
export function syncJobView(run: SyncRunRecord): JobView {
  return {
    job_id: run.jobId,
    kind: 'sync_connection',
    status: run.state,
    payment_id: null,
    sync: syncView(run),
    created_at: run.createdAt.toISOString(),
    settled_at: run.endedAt?.toISOString() ?? null,
  };
}
