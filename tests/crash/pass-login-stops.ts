import { onDatabase } from './transitions.ts';

/** Ends the hour for which a broken login stops a connection, as it would pass: what was rejected is due a minute after it. */
export const PASS_LOGIN_STOPS = `
  WITH passed AS (
    UPDATE connection_states SET stopped_until = now() - interval '1 millisecond' WHERE stopped_until > now() RETURNING user_id
  )
  UPDATE jobs SET run_at = now() FROM passed JOIN connections c ON c.user_id = passed.user_id
   WHERE jobs.lane_id IN (c.lane_id, c.sync_lane_id) AND jobs.queued_at IS NULL AND jobs.run_at > now()
     AND jobs.last_code IN ('unauthorized', 'login_required')`;

/** @throws the error of a database that is down: the stop then lasts until the next one is ended. */
export async function passLoginStops(url: string): Promise<void> {
  await onDatabase(url, (client) => client.query(PASS_LOGIN_STOPS));
}
