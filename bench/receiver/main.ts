import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { verify } from '@emr-payments/webhooks';
import { serveCommands } from '../child.ts';
import { nowMs } from '../clock.ts';

export type Arrival = { paymentId: string; at: number };

/**
 * The integrator's receiver: verifies each webhook, as a correct receiver does, and records when it arrived. A payment counts
 * once, however often its event arrives. Requests to `/hang…` are never answered: they simulate an EMR or endpoint that hangs.
 */
const arrivals = new Map<string, number>();
let secret = '';
let unverified = 0;
let waiting: { count: number; resolve: (at: number) => void } | null = null;
const hanging = new Set<ServerResponse>();

function arrived(paymentId: string): void {
  if (!arrivals.has(paymentId)) arrivals.set(paymentId, nowMs());
  if (waiting !== null && arrivals.size >= waiting.count) waiting.resolve(nowMs());
}

const server = createServer((request, response) => {
  if (request.url?.startsWith('/hang')) {
    hanging.add(response);
    response.on('close', () => hanging.delete(response));
    request.resume();
    return;
  }
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const body = Buffer.concat(chunks);
    const result = verify({ body, headers: request.headers, secrets: [secret] });
    if (result.ok) arrived((result.event as { data: { payment_id: string } }).data.payment_id);
    else unverified += 1;
    response.writeHead(result.ok ? 204 : 401).end();
  });
});
server.keepAliveTimeout = 60_000;

const commands = {
  async listen(input: { secret: string }): Promise<{ url: string }> {
    secret = input.secret;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
  },
  /** Resolves when webhooks of `count` payments have arrived. @throws Error when that takes longer than `withinMs`. */
  async waitFor({ count, withinMs }: { count: number; withinMs: number }): Promise<{ at: number }> {
    if (arrivals.size >= count) return { at: nowMs() };
    const reached = Promise.withResolvers<number>();
    waiting = { count, resolve: reached.resolve };
    const timer = setTimeout(
      () =>
        reached.reject(
          new Error(`only ${arrivals.size} of ${count} webhooks arrived in ${withinMs / 1000} s`),
        ),
      withinMs,
    );
    const at = await reached.promise.finally(() => {
      clearTimeout(timer);
      waiting = null;
    });
    return { at };
  },
  async count(_: object): Promise<{ arrived: number; unverified: number }> {
    return { arrived: arrivals.size, unverified };
  },
  /** Returns all arrivals since the last reset. */
  async arrivals(_: object): Promise<Arrival[]> {
    return [...arrivals].map(([paymentId, at]) => ({ paymentId, at }));
  },
  async reset(_: object): Promise<void> {
    arrivals.clear();
    unverified = 0;
  },
};
export type ReceiverCommands = typeof commands;

serveCommands(commands, async () => {
  server.closeAllConnections();
  server.close();
});
