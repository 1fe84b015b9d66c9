import { FLOODS, pourInto, type RawServer, startRawServer } from '@emr-payments/testkit/flood';
import { serveCommands } from '../child.ts';

export type FloodName = keyof typeof FLOODS;

let flood: FloodName = 'interim answers';
let server: RawServer | undefined;

/** A far end, EMR or receiver, that answers every request with a flood. */
const commands = {
  async listen(_: object): Promise<{ url: string }> {
    // One flood a connection: the client closes it, and a longer request must not start a second.
    const flooded = new WeakSet<object>();
    server = await startRawServer((socket) => {
      if (flooded.has(socket)) return;
      flooded.add(socket);
      pourInto(socket, FLOODS[flood]);
    });
    return { url: server.url };
  },
  /** Chooses the flood of all connections from now on. */
  async flood({ name }: { name: FloodName }): Promise<void> {
    flood = name;
  },
  async count(_: object): Promise<{ opened: number; sent: number }> {
    return { opened: server?.connections.opened ?? 0, sent: server?.sent() ?? 0 };
  },
};
export type FlooderCommands = typeof commands;

serveCommands(commands, async () => server?.close());
