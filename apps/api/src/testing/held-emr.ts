import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An EMR that can be slow: it passes requests on to another one, and notes their paths. */
export type HeldEmr = {
  url: string;
  /** The requests that have arrived. */
  asked(): readonly string[];
  /** Keeps requests from now on until the returned function is called. */
  hold(): () => void;
  close(): Promise<void>;
};

export async function openHeldEmr(target: string): Promise<HeldEmr> {
  const asked: string[] = [];
  let held: Promise<void> | null = null;
  const server = createServer(async (incoming, answer) => {
    asked.push(`${incoming.method} ${incoming.url}`);
    await held;
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
    asked: () => [...asked],
    hold() {
      const gate = Promise.withResolvers<void>();
      held = gate.promise;
      return () => {
        held = null;
        gate.resolve();
      };
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
