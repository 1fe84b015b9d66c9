import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Passes requests on to an EMR and counts each one when its first line and headers have arrived. */
export type CountingProxy = {
  url: string;
  counts(): { GET: number; POST: number };
  close(): Promise<void>;
};

export async function openCountingProxy(target: string): Promise<CountingProxy> {
  const counts = { GET: 0, POST: 0 };
  const server = createServer((incoming, answer) => {
    if (incoming.method === 'GET' || incoming.method === 'POST') counts[incoming.method] += 1;
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
    incoming.pipe(outgoing);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    counts: () => ({ ...counts }),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
