import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { TEST_CERTIFICATE, TEST_KEY } from '@emr-payments/testkit/tls';
import { onTestFinished } from 'vitest';

export type RawReceiver = {
  port: number;
  /** All bytes that arrived, as Latin-1. */
  text(): string;
  connections: { opened: number; closed: number };
  /** The names that clients asked for while connecting (SNI). */
  servernames: string[];
};

/** The behaviour of a receiver at a connection, and at each piece that arrives on it. Without `onData` it reads nothing. */
export type RawBehaviour = {
  onConnection?: (socket: Socket) => void;
  onData?: (socket: Socket, piece: { nth: number }) => void;
  tls?: boolean;
};

/** Starts a receiver without an HTTP server, on a free loopback port, and closes it at the end of the test. */
export async function startRawReceiver(behaviour: RawBehaviour): Promise<RawReceiver> {
  const pieces: Buffer[] = [];
  const sockets = new Set<Socket>();
  const connections = { opened: 0, closed: 0 };
  const servernames: string[] = [];
  const onConnection = (socket: Socket) => {
    connections.opened += 1;
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => {
      connections.closed += 1;
      sockets.delete(socket);
    });
    behaviour.onConnection?.(socket);
    if (behaviour.onData === undefined) return;
    let nth = 0;
    socket.on('data', (piece) => {
      pieces.push(piece);
      nth += 1;
      behaviour.onData?.(socket, { nth });
    });
  };
  const options: TlsOptions = {
    cert: TEST_CERTIFICATE,
    key: TEST_KEY,
    SNICallback(servername, use) {
      servernames.push(servername);
      use(null);
    },
  };
  const server = behaviour.tls
    ? createTlsServer(options, onConnection).on('tlsClientError', () => undefined)
    : createServer(onConnection);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return {
    port,
    text: () => Buffer.concat(pieces).toString('latin1'),
    connections,
    servernames,
  };
}
