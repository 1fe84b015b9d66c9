import { randomInt } from 'node:crypto';
import getPort, { portNumbers } from 'get-port';

const HOST = '127.0.0.1';

/**
 * Below the range from which systems take source ports of outgoing connections, so that a port is still free after a
 * restart.
 */
const QUIET_RANGE = { from: 18_000, to: 32_000 };

/** How many ports are tried before the system chooses one. */
const TRIED = 50;

/** Finds a random port of 127.0.0.1 on which nothing listens. It does not return the same port to one process twice. */
export function freePort(): Promise<number> {
  const port = Array.from({ length: TRIED }, () => randomInt(QUIET_RANGE.from, QUIET_RANGE.to));
  return getPort({ host: HOST, port });
}

/** Thrown when a variable names a port on which something else listens. */
export class PortTakenError extends Error {
  override name = 'PortTakenError';
}

/**
 * Chooses the port for one part of the stack.
 *
 * @param wish.asked the value of the variable: exactly this port, or any free one for 0.
 * @param wish.preferred the part's default port, used when the variable is not set; if it is taken, the next free one above it.
 * @param wish.chosen ports that were chosen for other parts, which do not listen yet.
 * @returns the port; `moved` is true when it differs from the preferred one although no variable named it.
 * @throws PortTakenError naming the variable, when its port is taken.
 */
export async function choosePort(wish: {
  variable: string;
  asked: number | undefined;
  preferred: number;
  chosen?: readonly number[];
}): Promise<{ port: number; moved: boolean }> {
  const { variable, asked, preferred, chosen = [] } = wish;
  if (asked === 0) return { port: await freePort(), moved: false };
  const wanted = asked ?? portNumbers(preferred, preferred + TRIED);
  const port = await getPort({ host: HOST, port: wanted, exclude: chosen });
  if (asked !== undefined && port !== asked) {
    throw new PortTakenError(
      `${variable}=${asked}: port ${asked} is in use. Stop the program that listens on it, or set ${variable} to a free port.`,
    );
  }
  return { port, moved: asked === undefined && port !== preferred };
}
