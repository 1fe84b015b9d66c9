import { once } from 'node:events';
import http, { type IncomingHttpHeaders, type RequestListener, type ServerResponse } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { TEST_CERTIFICATE, TEST_KEY } from '@emr-payments/testkit/tls';
import { onTestFinished } from 'vitest';

export type Received = { method: string; path: string; headers: IncomingHttpHeaders; body: Buffer };

export type Receiver = {
  port: number;
  url: string;
  received: Received[];
  /** Counts the connections opened so far, and those that are open now. */
  connections: { opened: number; open: number };
  /** Resolves when no connection is open. */
  allClosed(): Promise<void>;
};

/**
 * Starts a real HTTP receiver that counts its connections, on a free loopback port; it is closed at the end of the test.
 * `answer` runs when the whole body has arrived.
 */
export async function startCountingReceiver(
  answer: (response: ServerResponse, request: Received) => void,
  options: { tls?: boolean } = {},
): Promise<Receiver> {
  const received: Received[] = [];
  const listener: RequestListener = (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const one = { method, path: url, headers, body: Buffer.concat(chunks) };
      received.push(one);
      answer(response, one);
    });
  };
  const server = options.tls
    ? https.createServer({ cert: TEST_CERTIFICATE, key: TEST_KEY }, listener)
    : http.createServer(listener);
  const connections = { opened: 0, open: 0 };
  const waiting: (() => void)[] = [];
  server.on('connection', (socket) => {
    connections.opened += 1;
    connections.open += 1;
    socket.on('error', () => undefined);
    socket.on('close', () => {
      connections.open -= 1;
      if (connections.open === 0) for (const wake of waiting.splice(0)) wake();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `${options.tls ? 'https' : 'http'}://127.0.0.1:${port}/in`,
    received,
    connections,
    allClosed: () => new Promise((resolve) => (connections.open === 0 ? resolve() : waiting.push(resolve))),
  };
}
