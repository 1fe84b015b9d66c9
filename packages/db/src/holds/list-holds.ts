import { query, type StatementDeps } from '../core/statements.ts';
import { countOfLane } from './count-of-lane.ts';

/** A hold that is on. */
export type OpenHold = {
  /** `all`, or the user's public id. */
  scope: string;
  startedAt: Date;
  startedBy: string;
  reason: string | null;
  /** Payments that wait because of it. */
  waiting: number;
};

export const LIST_HOLDS = {
  name: 'list-holds',
  text: `
    SELECT h.scope, h.started_at, h.started_by, h.reason,
           CASE WHEN h.user_id IS NULL THEN (SELECT count(*)::int FROM jobs j WHERE j.kind = 'post_payment')
                ELSE coalesce((SELECT ${countOfLane('c.lane_id')} FROM connections c WHERE c.user_id = h.user_id), 0) END AS waiting
      FROM holds h WHERE h.ended_at IS NULL ORDER BY h.started_at, h.id`,
};

/** Lists the holds that are on, oldest first. */
export async function listHolds(deps: StatementDeps): Promise<OpenHold[]> {
  type Row = { scope: string; started_at: Date; started_by: string; reason: string | null; waiting: number };
  const rows = await query<Row>(deps, LIST_HOLDS, []);
  return rows.map(({ scope, started_at, started_by, reason, waiting }) => ({
    scope,
    startedAt: started_at,
    startedBy: started_by,
    reason,
    waiting,
  }));
}

const SCOPES = {
  name: 'list-hold-scopes',
  text: 'SELECT scope FROM holds WHERE ended_at IS NULL ORDER BY started_at, id',
};

/** Lists the scopes of the holds that are on, oldest first, and counts nothing: the end of a hold does not depend on how much waits. */
export async function listHoldScopes(deps: StatementDeps): Promise<string[]> {
  return (await query<{ scope: string }>(deps, SCOPES, [])).map(({ scope }) => scope);
}
