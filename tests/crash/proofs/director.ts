import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { WorkerParts } from '@emr-payments/worker/start-worker';
import type { SabotageName } from './sabotages.ts';

export type StepName = keyof WorkerParts['steps'];

/** A point of a worker's way: before or after a step, or the end of a handler that held a claim. */
export type Point = `${'before' | 'after'} ${StepName}` | 'ended';

/** A worker asks this at every point, and goes on when it has the answer. */
export type Question = {
  point: Point;
  /** The worker's process. */
  pid: number;
  /** The claim; null for a step of no job. */
  claim: { jobId: string; fence: number } | null;
  /** How often the sabotage has done something since the last question. */
  broken: number;
};
/** `inSets`: every statement that is made for it runs as a set. */
export type Orders = { sabotage: SabotageName | null; inSets: boolean };

/** A worker process that is stopped (`SIGSTOP`) while one of its handlers is at a point. */
export type Frozen = {
  readonly pid: number;
  readonly fence: number;
  /** Lets the process go on; resolves when the handler that was at the point has ended. */
  wake(): Promise<void>;
};

type Order = { point: Point; fromFence: number; reached: PromiseWithResolvers<Frozen> };
type Reply = () => void;

/** Directs the workers from the suite's process: knows where they are, stops them there, and says which sabotage is on. */
export type Director = {
  readonly url: string;
  /** How often the present sabotage has done something. */
  readonly broken: number;
  /** Begins a schedule: forgets the last one's orders. Jobs up to `afterJob` belong to earlier schedules. */
  begin(input: Orders & { afterJob: number }): void;
  /**
   * Freezes the first worker that is at the point with a claim of at least this fence.
   *
   * @returns the worker, once it is frozen.
   */
  freeze(point: Point, options?: { fromFence?: number }): Promise<Frozen>;
  /** Lets every frozen worker go on. */
  wakeAll(): void;
  /** Forgets a worker that was killed while it was frozen. */
  forget(pid: number): void;
  close(): Promise<void>;
};

async function jsonOf<T>(request: IncomingMessage): Promise<T> {
  let text = '';
  for await (const chunk of request) text += chunk;
  return JSON.parse(text) as T;
}

export async function openDirector(): Promise<Director> {
  let orders: Orders = { sabotage: null, inSets: false };
  let afterJob = 0;
  let broken = 0;
  let freezes: Order[] = [];
  const frozen = new Map<number, Reply>();
  const ends = new Map<string, () => void>();

  function wake(pid: number): void {
    const reply = frozen.get(pid);
    if (reply === undefined) return;
    frozen.delete(pid);
    // The answer is there when the process wakes, together with the timers that ran out while it was frozen: nothing that the
    // process notices late is noticed before the handler goes on.
    reply();
    process.kill(pid, 'SIGCONT');
  }

  function orderFor({ point, claim }: Question): Order | undefined {
    if (claim === null || Number(claim.jobId) <= afterJob) return undefined;
    return freezes.find((order) => order.point === point && claim.fence >= order.fromFence);
  }

  function heard(question: Question, reply: Reply): void {
    const { point, pid, claim } = question;
    broken += question.broken;
    if (point === 'ended' && claim !== null) ends.get(`${pid} ${claim.jobId} ${claim.fence}`)?.();
    const order = orderFor(question);
    if (order === undefined || claim === null || frozen.has(pid)) {
      reply();
      return;
    }
    freezes = freezes.filter((each) => each !== order);
    frozen.set(pid, reply);
    process.kill(pid, 'SIGSTOP');
    const ended = Promise.withResolvers<void>();
    ends.set(`${pid} ${claim.jobId} ${claim.fence}`, ended.resolve);
    order.reached.resolve({
      pid,
      fence: claim.fence,
      wake() {
        wake(pid);
        return ended.promise;
      },
    });
  }

  const server = createServer((request, response) => {
    jsonOf<Question>(request).then(
      (question) => heard(question, () => response.end(JSON.stringify(orders))),
      () => response.destroy(),
    );
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const wakeAll = () => {
    for (const pid of [...frozen.keys()]) wake(pid);
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get broken() {
      return broken;
    },
    begin(input) {
      wakeAll();
      orders = { sabotage: input.sabotage, inSets: input.inSets };
      afterJob = input.afterJob;
      broken = 0;
      freezes = [];
      ends.clear();
    },
    freeze(point, { fromFence = 1 } = {}) {
      const reached = Promise.withResolvers<Frozen>();
      freezes.push({ point, fromFence, reached });
      return reached.promise;
    },
    wakeAll,
    forget: (pid) => void frozen.delete(pid),
    async close() {
      wakeAll();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
