import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** Passes requests on to an EMR and counts each one when its first line and headers have arrived. */
export type CountingProxy = {
  url: string;
  counts(): { GET: number; POST: number };
  /** The paths of the requests, in the order of their arrival. */
  paths(): readonly string[];
  /** The most requests that were under way at once, of those that are watched. */
  mostAtOnce(): number;
  /** Keeps requests from now on until the returned function is called. */
  hold(): () => void;
  /** Lets each request take so much longer, as a slow EMR. */
  slowDown(milliseconds: number): void;
  close(): Promise<void>;
};

/** @param options.watched part of the paths that `mostAtOnce` is about. */
export async function openCountingProxy(
  target: string,
  { watched = '' }: { watched?: string } = {},
): Promise<CountingProxy> {
  const counts = { GET: 0, POST: 0 };
  const paths: string[] = [];
  const underWay = { now: 0, most: 0 };
  let held: Promise<void> | null = null;
  let slowMs = 0;
  const server = createServer(async (incoming, answer) => {
    if (incoming.method === 'GET' || incoming.method === 'POST') counts[incoming.method] += 1;
    paths.push(incoming.url ?? '/');
    if (incoming.url?.includes(watched) === true) {
      underWay.now += 1;
      underWay.most = Math.max(underWay.most, underWay.now);
      answer.once('close', () => {
        underWay.now -= 1;
      });
    }
    await held;
    if (slowMs > 0) await pause(slowMs);
    const outgoing = request(
      new URL(incoming.url ?? '/', target),
      { method: incoming.method, headers: incoming.headers },
      (response) => {
        answer.writeHead(response.statusCode ?? 502, response.headers);
        response.on('error', () => answer.destroy());
        response.pipe(answer);
      },
    );
    outgoing.on('error', () => answer.destroy());
    incoming.on('error', () => outgoing.destroy());
    incoming.pipe(outgoing);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    counts: () => ({ ...counts }),
    paths: () => [...paths],
    mostAtOnce: () => underWay.most,
    hold() {
      const gate = Promise.withResolvers<void>();
      held = gate.promise;
      return () => {
        held = null;
        gate.resolve();
      };
    },
    slowDown(milliseconds) {
      slowMs = milliseconds;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
