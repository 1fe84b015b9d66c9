import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** How the receiver answers: with a status after so many milliseconds, or not before `release`. */
export type Manner = { status: number; afterMs: number } | 'hold';

/** A real webhook receiver that counts the requests that are under way at once. */
export type CountingReceiver = {
  url: string;
  manner: Manner;
  /** Requests under way now, and the most at once since `resetMost`. */
  readonly underWay: number;
  readonly most: number;
  readonly answered: number;
  resetMost(): void;
  /** Answers all that are held with 204. @returns how many. */
  release(): number;
  close(): void;
};

export async function startCountingReceiver(manner: Manner): Promise<CountingReceiver> {
  const open = new Set<ServerResponse>();
  const held = new Set<ServerResponse>();
  let most = 0;
  let answered = 0;
  const server = createServer((request, response) => {
    open.add(response);
    most = Math.max(most, open.size);
    response.once('close', () => {
      open.delete(response);
      held.delete(response);
    });
    request.resume().once('end', () => {
      const how = receiver.manner;
      if (how === 'hold') held.add(response);
      else setTimeout(() => answer(response, how.status), how.afterMs).unref();
    });
  });
  const answer = (response: ServerResponse, status: number) => {
    answered += 1;
    // Before the answer leaves, so that the request that follows it is never counted beside it.
    open.delete(response);
    response.writeHead(status).end();
  };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const receiver: CountingReceiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    manner,
    get underWay() {
      return open.size;
    },
    get most() {
      return most;
    },
    get answered() {
      return answered;
    },
    resetMost() {
      most = open.size;
    },
    release() {
      const responses = [...held];
      held.clear();
      for (const response of responses) answer(response, 204);
      return responses.length;
    },
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
  return receiver;
}
