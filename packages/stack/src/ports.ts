import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

const HOST = '127.0.0.1';

/** Whether something could listen on this port of 127.0.0.1 now. */
export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: HOST, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** Below the range that systems take the near ends of outgoing connections from, so that a port stays ours over a restart. */
const QUIET_RANGE = { from: 18_000, to: 32_000 };

/** A port of 127.0.0.1 that nobody listens on, chosen at random. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(QUIET_RANGE.from, QUIET_RANGE.to);
    if (await isPortFree(port)) return port;
  }
}

/** A port that was asked for by variable and is taken. */
export class PortTakenError extends Error {
  override name = 'PortTakenError';
}

/**
 * The port to use for one part of the stack.
 *
 * @param wish.asked what the variable says; it is taken at its word, 0 meaning any free one.
 * @param wish.preferred where the part usually is; when that is taken the next free one above is used.
 * @param wish.chosen ports that are given away but not listened on yet.
 * @returns the port, and whether it had to move on from the preferred one.
 * @throws PortTakenError naming the variable, when the port that it asks for is taken.
 */
export async function choosePort(wish: {
  variable: string;
  asked: number | undefined;
  preferred: number;
  chosen?: readonly number[];
}): Promise<{ port: number; moved: boolean }> {
  if (wish.asked === 0) return { port: await freePort(), moved: false };
  if (wish.asked !== undefined) {
    if (await isPortFree(wish.asked)) return { port: wish.asked, moved: false };
    throw new PortTakenError(
      `${wish.variable}=${wish.asked}: something else listens on port ${wish.asked}. Stop it, or set ${wish.variable} to a free port.`,
    );
  }
  for (let port = wish.preferred; port < wish.preferred + 50; port += 1) {
    if (!wish.chosen?.includes(port) && (await isPortFree(port)))
      return { port, moved: port !== wish.preferred };
  }
  return { port: await freePort(), moved: true };
}
