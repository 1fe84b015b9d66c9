import { Agent } from 'node:http';
import { type Job, Queue, Worker } from 'bullmq';
import got from 'got';
import { Redis } from 'ioredis';
import { serveCommands } from '../child.ts';
import { nowMs } from '../clock.ts';

type Data = { n: number };
type Input = { redisUrl: string; url: string; posts: number; concurrency: number; body: string };

const QUEUE = 'floor';
/** Jobs added by one command, as many as our relay adds. */
const CHUNK = 500;
const JOB = { attempts: 1, removeOnComplete: true, removeOnFail: true };

let close = async (): Promise<void> => undefined;
let run = async (_count: number): Promise<number> => Promise.reject(new Error('the floor is not started'));

async function start({ redisUrl, url, posts, concurrency, body }: Input): Promise<void> {
  const connection = new Redis(redisUrl, { maxRetriesPerRequest: null });
  const client = got.extend({ agent: { http: new Agent({ keepAlive: true }) }, retry: { limit: 0 } });
  const queue = new Queue<Data>(QUEUE, { connection });
  const request = { body, headers: { 'content-type': 'application/json' } };
  const process = async (_job: Job<Data>): Promise<void> => {
    for (let n = 0; n < posts; n += 1) await client.post(url, request);
  };
  const worker = new Worker<Data>(QUEUE, process, { connection, concurrency });
  let left = 0;
  let all = Promise.withResolvers<void>();
  worker.on('failed', (_job, error) => all.reject(error));
  worker.on('completed', () => {
    left -= 1;
    if (left === 0) all.resolve();
  });
  run = async (count) => {
    left = count;
    all = Promise.withResolvers<void>();
    const startedAt = nowMs();
    for (let from = 0; from < count; from += CHUNK) {
      const size = Math.min(CHUNK, count - from);
      await queue.addBulk(
        Array.from({ length: size }, (_, n) => ({ name: QUEUE, data: { n: from + n }, opts: JOB })),
      );
    }
    await all.promise;
    return count / ((nowMs() - startedAt) / 1000);
  };
  close = async () => {
    await worker.close();
    await queue.close();
    connection.disconnect();
  };
}

/**
 * The floor of a step that goes through a queue: one BullMQ job for each item, whose processor makes `posts` requests with got and
 * nothing else. No state is kept, nothing is signed, and nothing survives the loss of Redis.
 */
const commands = {
  async start(input: Input): Promise<void> {
    await close();
    await start(input);
  },
  /** @returns jobs per second, from the first one that is added to the end of the last. */
  async run({ count }: { count: number }): Promise<{ perSecond: number }> {
    return { perSecond: await run(count) };
  },
};
export type QueueFloorCommands = typeof commands;

serveCommands(commands, () => close());
