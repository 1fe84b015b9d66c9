import { randomInt } from 'node:crypto';
import getPort, { portNumbers } from 'get-port';

const HOST = '127.0.0.1';

/** Below the range that systems take the near ends of outgoing connections from, so that a port is still free after a restart. */
const QUIET_RANGE = { from: 18_000, to: 32_000 };

/** How many ports are tried before the system chooses one. */
const TRIED = 50;

/** A port of 127.0.0.1 that nobody listens on, chosen at random. One process gets the same one only once. */
export function freePort(): Promise<number> {
  const port = Array.from({ length: TRIED }, () => randomInt(QUIET_RANGE.from, QUIET_RANGE.to));
  return getPort({ host: HOST, port });
}

/** The environment asks for a port on which something else listens. */
export class PortTakenError extends Error {
  override name = 'PortTakenError';
}

/**
 * Chooses the port for one part of the stack.
 *
 * @param wish.asked the value of the variable; no other port is used in its place, and 0 means any free one.
 * @param wish.preferred where the part usually listens; when that port is taken, the next free one above it is used.
 * @param wish.chosen ports of other parts, which do not listen yet.
 * @returns the port, and whether it is another one than the preferred one.
 * @throws PortTakenError naming the variable, when the port that it asks for is taken.
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
      `${variable}=${asked}: something else listens on port ${asked}. Stop it, or set ${variable} to a free port.`,
    );
  }
  return { port, moved: asked === undefined && port !== preferred };
}
