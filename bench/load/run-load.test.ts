import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { runLoad } from './run-load.ts';

test('a load by the clock whose rate gives less than one request sends one, and ends', async () => {
  const server = createServer((_request, response) => response.setHeader('content-length', 2).end('ok'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const result = await runLoad({
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    connections: 2,
    pace: { kind: 'open', ratePerSecond: 2, seconds: 0.1 },
    next: () => 'GET / HTTP/1.1\r\nhost: localhost\r\n\r\n',
    track: false,
  });
  expect(result).toMatchObject({ ok: 1, others: {} });
});
