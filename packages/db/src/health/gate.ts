import { onHold } from '../holds/on-hold.ts';

/**
 * A condition on the state of one user. A scalar subquery and no EXISTS: that could become a join, for which PostgreSQL reads all broken
 * logins where it believes that they are few.
 */
const stateOf = (user: string, condition: string): string =>
  `coalesce((SELECT s.state = 'login_required'${condition} FROM connection_states s WHERE s.user_id = ${user}), false)`;

const STOPPED = ' AND s.stopped_until > now()';

/**
 * A condition that is true while the EMR of the user rejects its credentials, also when a probe may be sent.
 *
 * @param user SQL for the user's internal id.
 */
export function isProbing(user: string): string {
  return stateOf(user, '');
}

/**
 * A condition that is true while the user's broken login stops its calls: until the stop ends, and then while the probe of another lane is
 * under way. @param user SQL for the user's internal id.
 */
export function loginStops(user: string): string {
  return stateOf(user, ' AND greatest(s.stopped_until, s.probe_until) > now()');
}

/**
 * The one gate of work that calls an EMR: true while the user is on hold, or its login is broken.
 *
 * @param user SQL for the user's internal id.
 */
export function isStopped(user: string): string {
  return `(${onHold(user)} OR ${loginStops(user)})`;
}

/**
 * The gate of work that has its claim: as `isStopped`, except that a probe is not stopped by itself.
 *
 * @param user SQL for the user's internal id.
 */
export function stopsClaimed(user: string): string {
  return `(${onHold(user)} OR ${stateOf(user, STOPPED)})`;
}

/**
 * A condition that is true while a broken login stops the lane of a connection, for the statements of every posting: while no login is
 * broken, it costs one look at an empty index. The probe passes: which claim has it is decided by `takeProbe`.
 *
 * @param lane SQL for the lane's id.
 */
export function loginStopsLane(lane: string): string {
  return `(EXISTS (SELECT FROM connection_states WHERE state = 'login_required' AND stopped_until > now())
             AND EXISTS (SELECT FROM connections stopped WHERE stopped.lane_id = ${lane}
                            AND ${stateOf('stopped.user_id', STOPPED)} OFFSET 0))`;
}

/**
 * Work that was rejected waits for so long after the end of the stop: other work of the connection is the probe, if there is any. Without
 * this, a payment that the EMR always rejects would be the probe every time, because it is due first.
 */
const BEHIND_OTHERS = '60 seconds';

/**
 * A SELECT of the time (`until`) at which work that was rejected is due again: after the stop of its connection. It has no row when nothing
 * stops the connection any more. It waits for a save that is opening the gate, which would not see that this work is put off.
 *
 * @param user SQL for the user's internal id.
 * @param asked a condition without columns: false makes it a SELECT that reads nothing.
 */
export function dueAfterStop(user: string, asked: string): string {
  return `SELECT s.stopped_until + interval '${BEHIND_OTHERS}' AS until FROM connection_states s
           WHERE ${asked} AND s.user_id = ${user} AND s.state = 'login_required' AND s.stopped_until > now() FOR SHARE`;
}
