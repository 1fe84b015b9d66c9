import { onHold } from '../holds/on-hold.ts';

/** A condition on a row of `connection_states`: its EMR has rejected the credentials, and nothing is sent. */
const STOPPED = `connection_states.state = 'login_required' AND connection_states.stopped_until > now()`;

/** A condition that is true while the EMR of the user rejects its credentials, also when a probe may be sent. @param user SQL for the user's internal id. */
export function isProbing(user: string): string {
  return `EXISTS (SELECT FROM connection_states WHERE connection_states.user_id = ${user} AND connection_states.state = 'login_required')`;
}

/** A condition that is true while the user's broken login stops its calls. @param user SQL for the user's internal id. */
export function loginStops(user: string): string {
  return `EXISTS (SELECT FROM connection_states WHERE connection_states.user_id = ${user} AND ${STOPPED})`;
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
  return `(EXISTS (SELECT FROM connection_states WHERE ${STOPPED})
             AND EXISTS (SELECT FROM connections stopped WHERE stopped.lane_id = ${lane} AND ${loginStops('stopped.user_id')}))`;
}
