import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** The one address before several API processes, as a load balancer that knows no sessions. */
export type Front = {
  url: string;
  /** The processes that answer, one after the other. */
  to(targets: readonly string[]): void;
  close(): Promise<void>;
};

// A kept connection could be one that its process is closing.
const agent = new Agent({ keepAlive: false });

/** Opens a front. Each request goes to the next process; a process that takes no connection is passed over. */
export async function openFront(): Promise<Front> {
  let targets: readonly string[] = [];
  let turn = 0;
  function pass(incoming: IncomingMessage, answer: ServerResponse, body: Buffer, left: number): void {
    const target = targets[turn++ % targets.length];
    if (target === undefined || left === 0) return void answer.writeHead(502).end();
    const outgoing = request(
      new URL(incoming.url ?? '/', target),
      { agent, method: incoming.method, headers: incoming.headers },
      (response) => {
        answer.writeHead(response.statusCode ?? 502, response.headers);
        response.on('error', () => answer.destroy());
        response.pipe(answer);
      },
    );
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') pass(incoming, answer, body, left - 1);
      else answer.destroy();
    });
    outgoing.end(body);
  }
  const server = createServer(async (incoming, answer) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk);
    pass(incoming, answer, Buffer.concat(chunks), targets.length);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    to(next) {
      targets = next;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
