import { onHold } from '../holds/on-hold.ts';

/**
 * A condition on the state of one user. A scalar subquery and no EXISTS: that could become a join, for which PostgreSQL reads all broken
 * logins where it believes that they are few.
 */
const stateOf = (user: string, condition: string): string =>
  `coalesce((SELECT s.state = 'login_required'${condition} FROM connection_states s WHERE s.user_id = ${user}), false)`;

/**
 * A condition that is true while the EMR of the user rejects its credentials, also when a probe may be sent.
 *
 * @param user SQL for the user's internal id.
 */
export function isProbing(user: string): string {
  return stateOf(user, '');
}

/** A condition that is true while the user's broken login stops its calls. @param user SQL for the user's internal id. */
function loginStops(user: string): string {
  return stateOf(user, ' AND s.stopped_until > now()');
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
 * A condition that is true while a broken login stops the lane of a connection, for the statements of every posting: while no login is
 * broken, it costs one look at an empty index.
 *
 * @param lane SQL for the lane's id.
 */
export function loginStopsLane(lane: string): string {
  return `(EXISTS (SELECT FROM connection_states WHERE state = 'login_required' AND stopped_until > now())
             AND EXISTS (SELECT FROM connections stopped WHERE stopped.lane_id = ${lane} AND ${loginStops('stopped.user_id')}))`;
}
