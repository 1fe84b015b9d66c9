import type { Server } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';

/** Longest time for which a moment is looked for. */
const MOST_MS = 1_000;
/** A turn of the event loop that takes longer leaves others the time to connect. */
const SHORT_MS = 0.5;

/**
 * Closes the port and the idle connections, in a moment in which every connection that the system has opened for the port is accepted. The system
 * resets those that nobody has accepted, and the requests on them are lost. One that is refused loses nothing: a proxy makes it elsewhere.
 *
 * Requests in flight go on, on connections that end with their answers.
 */
export async function closePort(server: Server): Promise<void> {
  let accepted = false;
  const note = () => {
    accepted = true;
  };
  server.on('connection', note);
  const beganAt = performance.now();
  let turnAt = beganAt;
  let isQuiet = false;
  // The first turn may have asked the system for connections before this call.
  await nextTurn();
  while (!isQuiet && turnAt - beganAt < MOST_MS) {
    turnAt = performance.now();
    accepted = false;
    await nextTurn();
    isQuiet = !accepted && performance.now() - turnAt < SHORT_MS;
  }
  server.close();
  server.off('connection', note);
}
