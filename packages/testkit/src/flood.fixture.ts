import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { TEST_CERTIFICATE, TEST_KEY } from './tls.fixture.ts';

/** An answer without end: `begin` once, then `repeat` for ever. */
export type Flood = {
  begin: string;
  repeat: string;
  /** True when the final head is within `begin`: the status has been said before the flood. */
  headCame: boolean;
};

const CHUNKED = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n';

/** Each place of an answer in which a server can go on without end. */
export const FLOODS = {
  'empty lines': { begin: '', repeat: '\r\n', headCame: false },
  'interim answers': { begin: '', repeat: 'HTTP/1.1 102 Processing\r\n\r\n', headCame: false },
  'interim answers with a header': {
    begin: '',
    repeat: 'HTTP/1.1 100\r\na: b\r\n\r\n',
    headCame: false,
  },
  'early hints with large headers': {
    begin: '',
    repeat: `HTTP/1.1 103 Early Hints\r\nlink: ${'a'.repeat(12_000)}\r\n\r\n`,
    headCame: false,
  },
  'a status line': { begin: 'HTTP/1.1 200 ', repeat: 'OK', headCame: false },
  headers: { begin: 'HTTP/1.1 200 OK\r\n', repeat: 'x-flood: yes\r\n', headCame: false },
  'one header': { begin: 'HTTP/1.1 200 OK\r\nx-flood: ', repeat: 'y', headCame: false },
  'the extension of one chunk': { begin: `${CHUNKED}1;`, repeat: 'e', headCame: true },
  'chunk extensions': { begin: CHUNKED, repeat: `1;${'e'.repeat(8000)}\r\nx\r\n`, headCame: true },
  'the size of a chunk': { begin: CHUNKED, repeat: '0', headCame: true },
  'chunks of one byte': { begin: CHUNKED, repeat: '1\r\nx\r\n', headCame: true },
  trailers: { begin: `${CHUNKED}0\r\n`, repeat: 'x-trailer: yes\r\n', headCame: true },
  'a body': {
    begin: 'HTTP/1.1 200 OK\r\ncontent-length: 999999999999\r\n\r\n',
    repeat: 'x',
    headCame: true,
  },
  'a body that the end of the connection ends': {
    begin: 'HTTP/1.0 200 OK\r\n\r\n',
    repeat: 'x',
    headCame: true,
  },
} as const satisfies Record<string, Flood>;

export type RawServer = {
  port: number;
  /** With the protocol, host and port. */
  url: string;
  connections: { opened: number; closed: number };
  /** Requests, or parts of them, that arrived. */
  received: number;
  /** Bytes given to the kernel on all connections: what the client read, and what the buffers of both ends hold. */
  sent(): number;
  close(): void;
};

/** Starts a bare server on a free loopback port, plain or TLS (`TEST_CERTIFICATE`). `onData` runs for whatever arrives. */
export async function startRawServer(
  onData: (socket: Socket, nth: number) => void,
  { tls = false }: { tls?: boolean } = {},
): Promise<RawServer> {
  const sockets = new Set<Socket>();
  const onConnection = (socket: Socket) => {
    server.connections.opened += 1;
    const nth = server.connections.opened;
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => {
      server.connections.closed += 1;
    });
    socket.on('data', () => {
      server.received += 1;
      onData(socket, nth);
    });
  };
  const listener = tls
    ? createTlsServer({ cert: TEST_CERTIFICATE, key: TEST_KEY }, onConnection).on(
        'tlsClientError',
        () => undefined,
      )
    : createServer(onConnection);
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  const server: RawServer = {
    port,
    url: `${tls ? 'https' : 'http'}://127.0.0.1:${port}/`,
    connections: { opened: 0, closed: 0 },
    received: 0,
    sent: () => [...sockets].reduce((sum, socket) => sum + socket.bytesWritten, 0),
    close() {
      for (const socket of sockets) socket.destroy();
      listener.close();
    },
  };
  return server;
}

/** Writes a flood as fast as it is read, until the connection is closed. */
export function pourInto(socket: Socket, { begin, repeat }: Pick<Flood, 'begin' | 'repeat'>): void {
  const piece = Buffer.from(repeat.repeat(Math.ceil((64 * 1024) / repeat.length)));
  const pour = (): void => {
    if (socket.destroyed) return;
    if (socket.write(piece)) setImmediate(pour);
    else socket.once('drain', pour);
  };
  if (begin !== '') socket.write(begin);
  pour();
}
