import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serveCommands } from '../child.ts';

/**
 * A receiver in a process of its own, so that its work is not counted: it reads each request and answers 200 with a short body; below
 * `/fhir`, 201 with the address of an entry.
 */
const server = createServer((request, response) => {
  request.resume();
  if (request.url?.startsWith('/fhir')) {
    const made = { location: `http://${request.headers.host}${request.url}/12345/_history/1` };
    request.on('end', () => response.writeHead(201, made).end());
    return;
  }
  request.on('end', () => response.end('{"received":true}'));
});
server.keepAliveTimeout = 60_000;

const commands = {
  async listen(_: object): Promise<{ url: string }> {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/in` };
  },
};
export type MicroReceiverCommands = typeof commands;

serveCommands(commands, async () => {
  server.closeAllConnections();
  server.close();
});
