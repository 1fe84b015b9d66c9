import { JOBS_CHANNEL } from '../core/jobs-channel.ts';
import { query, type StatementDeps } from '../core/statements.ts';
import { BROKEN_LOGINS } from './broken-login-codes.ts';

/**
 * A row that is locked belongs to a holder that is ending its claim, or to a relay: it is left alone, because waiting for it would be a
 * deadlock with a step of a sync, which locks its job and then the connection. A holder that puts its job off waits for the state
 * (`dueAfterStop`), and reads there that the login has ended.
 */
const HASTEN = {
  name: 'hasten-rejected',
  text: `
    WITH hastened AS (
      UPDATE jobs SET run_at = now()
       WHERE id = ANY (ARRAY(
         SELECT j.id FROM connections c JOIN jobs j ON j.lane_id IN (c.lane_id, c.sync_lane_id)
          WHERE c.user_id = $1 AND j.queued_at IS NULL AND j.run_at > now() AND j.last_code IN (${BROKEN_LOGINS})
          ORDER BY j.id FOR UPDATE OF j SKIP LOCKED))
      RETURNING id
    ), notified AS MATERIALIZED (
      SELECT pg_notify('${JOBS_CHANNEL}', '') FROM hastened LIMIT 1
    )
    SELECT count(*)::int AS count, (SELECT count(*) FROM notified) AS notified FROM hastened`,
};

/**
 * Makes the payments and syncs of a connection due at once that wait because the EMR rejected its credentials.
 *
 * @returns how many there were.
 */
export async function hastenRejected(deps: StatementDeps, { userId }: { userId: number }): Promise<number> {
  const [row] = await query<{ count: number }>(deps, HASTEN, [userId]);
  return row?.count ?? 0;
}
