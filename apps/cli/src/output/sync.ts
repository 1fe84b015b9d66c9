import type { SyncRunRecord } from '@emr-payments/db';

/** Shows the last sync of a connection, as JSON. */
export function syncShown(run: SyncRunRecord | null) {
  if (run === null) return null;
  const { pages, seen, added, changed, closed, ambiguous, unreadable, conflicts } = run;
  return {
    job_id: run.jobId,
    kind: run.kind,
    state: run.state,
    ...{ pages, seen, added, changed, closed, ambiguous, unreadable, conflicts },
    reason: run.lastReason,
    started_at: run.startedAt,
    ended_at: run.endedAt,
  };
}

/** The same in one line. */
export function syncText(shown: ReturnType<typeof syncShown>): string | null {
  if (shown === null) return null;
  const { kind, state, seen, added, changed, closed, ambiguous, conflicts, reason } = shown;
  const counts = Object.entries({ seen, added, changed, closed, ambiguous, conflicts })
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${count} ${name}`);
  return `${kind} ${state}: ${counts.join(', ') || 'nothing changed'}${reason === null ? '' : `. ${reason}`}`;
}
