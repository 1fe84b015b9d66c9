import { query, type StatementDeps } from '../core/statements.ts';

export type RecoveryState = 'running' | 'done' | 'canceled';

export type RecoveryRecord = {
  id: string;
  endpointId: string;
  since: Date;
  until: Date;
  createdAt: Date;
  state: RecoveryState;
  /** Events that it sends; null until the search has ended. */
  total: number | null;
  /** Events that it has queued so far. */
  found: number;
  /** Up to when events have been searched; null before the first turn. */
  searchedUntil: Date | null;
  /** Deliveries that still wait. One that was sent again by something else since then counts as ended. */
  pending: number;
  delivered: number;
  failed: number;
};

/** Columns of a row `r` of recoveries; its deliveries that are not counted yet are not in `delivered` and `failed`. */
export const recoveryColumns = `r.id, r.endpoint_id AS "endpointId", r.since, r.until, r.created_at AS "createdAt", r.state, r.total,
           coalesce(r.total, r.found) AS found, r.reached_at AS "searchedUntil", r.delivered, r.failed`;

/** Bounded: a recovery keeps few deliveries waiting (`search-missed.ts`), and their ends are counted every second. */
const FIND = {
  name: 'find-recovery',
  text: `
    SELECT ${recoveryColumns}, open.pending, r.delivered + open.delivered AS delivered, r.failed + open.failed AS failed
      FROM recoveries r CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE d.status = 'pending')::int AS pending,
               count(*) FILTER (WHERE d.status = 'delivered')::int AS delivered,
               count(*) FILTER (WHERE d.status IN ('failed', 'canceled'))::int AS failed
          FROM deliveries d WHERE d.recovery_id = r.id
      ) open
     WHERE r.id = $1 AND r.endpoint_id = $2`,
};

/** Finds one recovery of this endpoint, with its progress; null when there is none of that id. */
export async function findRecovery(
  deps: StatementDeps,
  { endpointId, recoveryId }: { endpointId: string; recoveryId: string },
): Promise<RecoveryRecord | null> {
  const [row] = await query<RecoveryRecord>(deps, FIND, [recoveryId, endpointId]);
  if (row === undefined) return null;
  // The last deliveries have ended; a worker records it within seconds.
  return row.state === 'running' && row.total !== null && row.pending === 0 ? { ...row, state: 'done' } : row;
}
