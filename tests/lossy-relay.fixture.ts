import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A TCP relay in front of the API: its answers can be lost, and the whole way be cut. */
export type LossyRelay = {
  url: string;
  /** The next so many answers do not come through: the connection breaks when one begins. */
  loseAnswers(count: number): void;
  /** How many have been lost so far. */
  lost(): number;
  cut(): Promise<void>;
  mend(): Promise<void>;
};

export async function openLossyRelay(target: string): Promise<LossyRelay> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let server: Server | undefined;
  let ownPort = 0;
  let toLose = 0;
  let lost = 0;

  const relay = (inward: Socket): void => {
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
    inward.pipe(outward);
    outward.on('data', (answer) => {
      if (toLose === 0) {
        inward.write(answer);
        return;
      }
      toLose -= 1;
      lost += 1;
      inward.resetAndDestroy();
    });
  };
  const mend = async (): Promise<void> => {
    server = createServer(relay).listen({ host: '127.0.0.1', port: ownPort });
    await once(server, 'listening');
    ownPort = (server.address() as AddressInfo).port;
  };

  await mend();
  return {
    url: `http://127.0.0.1:${ownPort}`,
    loseAnswers: (count) => {
      toLose = count;
    },
    lost: () => lost,
    mend,
    async cut() {
      const closed = server === undefined ? undefined : once(server, 'close');
      server?.close();
      server = undefined;
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
