import { query, type StatementDeps } from '../core/statements.ts';

/** Most jobs that one statement cancels. The rest are canceled when they are claimed; nothing is sent in either case. */
const MOST = 10_000;

/**
 * CTEs that cancel the deliveries that wait for an endpoint, and its recoveries that still have something to send; a new
 * recovery can send them later. Jobs whose rows the relay has locked at this moment are skipped, so that neither waits for the
 * other.
 *
 * @param from a CTE with the lane_id of the disabled endpoint.
 * @param except a CTE with the id of a job that the statement itself ends. It waits, too, when its lease has run out and the sweeper has taken it
 *   back: of two changes of one row in one statement PostgreSQL makes only one.
 */
export function cancelWaitingCtes(from: string, except?: string): string {
  const others = except === undefined ? '' : `AND j.id NOT IN (SELECT id FROM ${except})`;
  return `waiting AS MATERIALIZED (
      SELECT j.id FROM ${from} JOIN jobs j ON j.lane_id = ${from}.lane_id AND j.queued_at IS NULL ${others}
       ORDER BY j.run_at LIMIT ${MOST} FOR UPDATE OF j SKIP LOCKED
    ), not_sent AS (
      DELETE FROM jobs USING waiting WHERE jobs.id = waiting.id RETURNING jobs.event_id, jobs.delivery_id
    ), canceled AS (
      UPDATE deliveries SET status = 'canceled', finished_at = now() FROM not_sent
       WHERE deliveries.event_id = not_sent.event_id AND deliveries.id = not_sent.delivery_id
    ), no_recovery AS (
      UPDATE recoveries SET state = 'canceled', ended_at = now()
        FROM ${from} JOIN webhook_endpoints e ON e.lane_id = ${from}.lane_id
       WHERE recoveries.endpoint_id = e.id AND recoveries.state = 'running'
         AND (recoveries.total IS NULL
              OR EXISTS (SELECT FROM deliveries d WHERE d.recovery_id = recoveries.id AND d.status = 'pending'))
    )`;
}

const CANCEL = {
  name: 'cancel-waiting',
  text: `
    WITH endpoint AS MATERIALIZED (SELECT $1::int AS lane_id), ${cancelWaitingCtes('endpoint')}
    UPDATE lanes SET failures = 0, open_until = NULL FROM endpoint WHERE lanes.id = endpoint.lane_id`,
};

/**
 * Cancels what waits for an endpoint that has just been disabled. The circuit of its lane is closed, so that the remaining
 * jobs are fed soon, and canceled then.
 */
export async function cancelWaiting(tx: StatementDeps, { laneId }: { laneId: number }): Promise<void> {
  await query(tx, CANCEL, [laneId]);
}
