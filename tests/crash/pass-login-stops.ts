import { onDatabase } from './transitions.ts';

/** Ends the hour for which a broken login stops a connection, as it would pass. */
export const PASS_LOGIN_STOPS = `UPDATE connection_states SET stopped_until = now() WHERE stopped_until > now()`;

/** @throws the error of a database that is down: the stop then lasts until the next one is ended. */
export async function passLoginStops(url: string): Promise<void> {
  await onDatabase(url, (client) => client.query(PASS_LOGIN_STOPS));
}
