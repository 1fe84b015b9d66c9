import { query, type StatementDeps } from '../core/statements.ts';

/** Jobs that one statement takes away. What is left over is canceled as it is claimed, and nothing is sent either way. */
const MOST = 10_000;

/**
 * CTEs that end what waits for an endpoint: its deliveries are `canceled`, and can be recovered. Jobs that are in the
 * relay's hands at this moment are passed over, so that neither waits for the other.
 *
 * @param from a CTE with the lane_id of the disabled endpoint.
 */
export function cancelWaitingCtes(from: string): string {
  return `waiting AS MATERIALIZED (
      SELECT j.id FROM ${from} JOIN jobs j ON j.lane_id = ${from}.lane_id AND j.queued_at IS NULL
       ORDER BY j.run_at LIMIT ${MOST} FOR UPDATE OF j SKIP LOCKED
    ), not_sent AS (
      DELETE FROM jobs USING waiting WHERE jobs.id = waiting.id RETURNING jobs.delivery_id
    ), canceled AS (
      UPDATE deliveries SET status = 'canceled', finished_at = now() FROM not_sent WHERE deliveries.id = not_sent.delivery_id
    )`;
}

const CANCEL = {
  name: 'cancel-waiting',
  text: `
    WITH endpoint AS MATERIALIZED (SELECT $1::int AS lane_id), ${cancelWaitingCtes('endpoint')}
    UPDATE lanes SET failures = 0, open_until = NULL FROM endpoint WHERE lanes.id = endpoint.lane_id`,
};

/** Ends what waits for an endpoint that has just been disabled. Its circuit is closed, so that the rest comes through soon. */
export async function cancelWaiting(tx: StatementDeps, { laneId }: { laneId: number }): Promise<void> {
  await query(tx, CANCEL, [laneId]);
}
