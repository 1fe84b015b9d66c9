import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { freePort } from './free-port.ts';

/** A TCP relay in front of a server. It causes a real outage for one test without affecting the others. */
export type Relay = {
  /** The target's URL with the relay's host and port. */
  url: string;
  /** Drops the next `count` answers: resets the connection when the first bytes of one arrive. */
  loseAnswers(count: number): void;
  /** The number of answers dropped so far. */
  lost(): number;
  /** Passes no answer on until `resume`: the server looks as if it were frozen. Connections stay open and new ones are made. */
  pause(): void;
  resume(): void;
  /** Breaks every connection and refuses new ones. */
  cut(): Promise<void>;
  /** Accepts connections again, on the same port. */
  mend(): Promise<void>;
};

export async function openRelay(target: string): Promise<Relay> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let server: Server | undefined;
  const ownPort = await freePort();
  const answering = new Set<Socket>();
  let paused = false;
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
    answering.add(outward);
    outward.once('close', () => answering.delete(outward));
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
    if (paused) outward.pause();
  };
  const mend = async (): Promise<void> => {
    server = createServer(relay).listen({ host: '127.0.0.1', port: ownPort });
    await once(server, 'listening');
  };

  await mend();
  const url = new URL(target);
  url.hostname = '127.0.0.1';
  url.port = String(ownPort);
  return {
    url: url.href.replace(/\/$/, ''),
    loseAnswers: (count) => {
      toLose = count;
    },
    lost: () => lost,
    pause() {
      paused = true;
      for (const socket of answering) socket.pause();
    },
    resume() {
      paused = false;
      for (const socket of answering) socket.resume();
    },
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
