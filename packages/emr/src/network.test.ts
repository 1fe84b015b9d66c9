import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { TEST_CERTIFICATE, TEST_KEY } from '@emr-payments/testkit/tls';
import { expect, onTestFinished, test } from 'vitest';
import { exchange } from './http/exchange.ts';
import { guardedNetwork, type Network, openNetwork } from './network.ts';

/** No connection is closed because of its age, however slow the machine is. */
const IDLE_MS = 600_000;

const answer: RequestListener = (_request, response) => void response.end('{}');

/** @returns the port of a server whose connections are added to `sockets`. */
async function listen(server: ReturnType<typeof createServer>, sockets: Socket[]): Promise<number> {
  server.on('connection', (socket) => sockets.push(socket));
  server.keepAliveTimeout = IDLE_MS;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

async function call(network: Network, url: string): Promise<void> {
  const signal = AbortSignal.timeout(60_000);
  const request = {
    method: 'GET',
    url,
    headers: {},
    signal,
    timeoutMs: 60_000,
    maxAnswerBytes: 1024,
  } as const;
  expect(await exchange(network, request)).toMatchObject({ status: 200 });
}

test('256 idle connections are kept over all hosts and networks: the one that has been idle longest makes room', async () => {
  const sockets: Socket[] = [];
  const own = await listen(createServer(answer), sockets);
  const others = await listen(createTlsServer({ cert: TEST_CERTIFICATE, key: TEST_KEY }, answer), sockets);
  const guarded = guardedNetwork(
    {
      policy: { allowHosts: ['127.0.0.1/32'], ports: [others] },
      resolve: async () => [{ address: '127.0.0.1', family: 4 }],
    },
    { ca: TEST_CERTIFICATE, servername: 'hooks.example.test', timeout: IDLE_MS },
  );
  const open = openNetwork({ timeout: IDLE_MS });
  const areOpen = () => sockets.map((socket) => !socket.destroyed);

  await call(open, `http://127.0.0.1:${own}/`);
  for (let nth = 1; nth <= 256; nth += 1) await call(guarded, `https://emr${nth}.test:${others}/`);
  await expect.poll(areOpen).toEqual([false, ...Array(256).fill(true)]);

  // A host that is in use goes on with its connection, and keeps it longer than the others keep theirs.
  await call(guarded, `https://emr1.test:${others}/`);
  expect(sockets).toHaveLength(257);
  await call(open, `http://127.0.0.1:${own}/`);
  await expect.poll(areOpen).toEqual([false, true, false, ...Array(255).fill(true)]);
});
