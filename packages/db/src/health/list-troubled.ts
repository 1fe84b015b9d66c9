import type { OurSentence } from '@emr-payments/contracts';
import { query, type StatementDeps } from '../core/statements.ts';
import { countOfLane } from '../holds/count-of-lane.ts';
import type { HealthState } from './next-state.ts';

/** A connection over which nothing is posted now. */
export type BrokenConnection = {
  userPublicId: string;
  state: Extract<HealthState, 'login_required' | 'unreachable'>;
  since: Date;
  code: string | null;
  detail: OurSentence | null;
  /** Payments that wait for it. */
  waiting: number;
};

export const LIST_BROKEN = {
  name: 'list-broken-connections',
  text: `
    SELECT u.public_id AS "userPublicId", s.state, s.since, s.last_trouble_code AS code, s.last_trouble_detail AS detail,
           ${countOfLane('c.lane_id')} AS waiting
      FROM connection_states s JOIN users u ON u.id = s.user_id JOIN clients client ON client.id = u.client_pk
      JOIN connections c ON c.user_id = u.id
     WHERE s.state IN ('login_required', 'unreachable') AND u.disabled_at IS NULL AND client.disabled_at IS NULL AND ($1::int IS NULL OR u.id = $1)
     ORDER BY s.since, u.id`,
};

/** Lists the broken connections of users that are not disabled, nor their clients, the longest broken first. @param input.userId only this one's. */
export async function listBrokenConnections(
  deps: StatementDeps,
  { userId = null }: { userId?: number | null } = {},
): Promise<BrokenConnection[]> {
  return query<BrokenConnection>(deps, LIST_BROKEN, [userId]);
}
