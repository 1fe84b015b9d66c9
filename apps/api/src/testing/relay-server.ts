import { connect, createServer, type Server, type Socket } from 'node:net';

/** A TCP relay between the API and PostgreSQL that can be cut, so that an outage is real and harms no other test. */
export type RelayServer = {
  url: string;
  /** Breaks every connection and refuses new ones. */
  cut(): Promise<void>;
  mend(): Promise<void>;
  close(): Promise<void>;
};

export async function openRelayServer(target: string): Promise<RelayServer> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let server: Server | undefined;
  let ownPort = 0;

  const mend = async () => {
    const next = createServer((inward) => {
      const outward = connect({ host: hostname, port: Number(port) });
      for (const socket of [inward, outward]) {
        sockets.add(socket);
        socket.on('error', () => socket.destroy());
        socket.on('close', () => {
          sockets.delete(socket);
          inward.destroy();
          outward.destroy();
        });
      }
      inward.pipe(outward).pipe(inward);
    });
    await new Promise<void>((resolve) => next.listen({ host: '127.0.0.1', port: ownPort }, resolve));
    const address = next.address();
    if (typeof address === 'object' && address !== null) ownPort = address.port;
    server = next;
  };
  const cut = async () => {
    const closed = new Promise((resolve) => (server === undefined ? resolve(null) : server.close(resolve)));
    for (const socket of sockets) socket.destroy();
    server = undefined;
    await closed;
  };

  await mend();
  const url = new URL(target);
  url.hostname = '127.0.0.1';
  url.port = String(ownPort);
  return { url: url.href, cut, mend, close: cut };
}
