import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { closePort } from './close-port.ts';

/** Opens connections in another thread, sends a request on each, wakes the thread that waits, and posts how each has ended. */
const CLIENT = `
const { parentPort, workerData: { port, most, signal } } = require('node:worker_threads');
const { connect } = require('node:net');
let sent = 0;
const ends = [];
const end = (how) => { if (ends.push(how) === most) parentPort.postMessage(ends); };
for (let n = 0; n < most; n += 1) {
  let text = '';
  const socket = connect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\\r\\nhost: x\\r\\n\\r\\n', () => {
    sent += 1;
    if (sent === most) { Atomics.store(signal, 0, 1); Atomics.notify(signal, 0); }
  }));
  let failed = false;
  socket.on('data', (data) => { text += data; });
  socket.on('error', (error) => { failed = true; end(error.code); });
  socket.on('close', () => { if (!failed) end(text.slice(0, 15)); });
}
`;

test('connections that the system has opened and nobody has accepted get their answers', async () => {
  const server = createServer((_request, response) => {
    response.setHeader('connection', 'close').end('ok');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const signal = new Int32Array(new SharedArrayBuffer(4));
  const most = 20;
  const client = new Worker(CLIENT, { eval: true, workerData: { port, most, signal } });
  await once(client, 'online');
  // This thread accepts nothing until all of them are open.
  Atomics.wait(signal, 0, 0);
  const closed = once(server, 'close');
  const closing = closePort(server);
  const [ends] = (await once(client, 'message')) as [string[]];
  await Promise.all([closing, closed]);
  expect(ends).toEqual(Array(most).fill('HTTP/1.1 200 OK'));
});
