import { randomBytes } from 'node:crypto';
import { Agent } from 'node:http';
import { signHeaders } from '@emr-payments/webhooks';
import { type Job, Queue, Worker } from 'bullmq';
import got from 'got';
import { Redis } from 'ioredis';
import { serveCommands } from '../child.ts';
import { nowMs } from '../clock.ts';
import { type FloorPosts, ID_OF_JOB } from './floor-posts.ts';

type Data = { n: number };
type Input = { redisUrl: string; concurrency: number; posts: FloorPosts };

const QUEUE = 'floor';
/** Jobs added by one command, as many as our relay adds. */
const CHUNK = 500;
const JOB = { attempts: 1, removeOnComplete: true, removeOnFail: true };

let close = async (): Promise<void> => undefined;
let run = async (_count: number): Promise<number> => Promise.reject(new Error('the floor is not started'));

/** Twenty hex digits for a run: no two jobs of a bench have the same id. */
const idOf = (run: string, n: number): string => run + n.toString(16).padStart(12, '0');

async function start({ redisUrl, concurrency, posts }: Input): Promise<void> {
  const connection = new Redis(redisUrl, { maxRetriesPerRequest: null });
  const client = got.extend({ agent: { http: new Agent({ keepAlive: true }) }, retry: { limit: 0 } });
  const queue = new Queue<Data>(QUEUE, { connection });
  const { before, webhook } = posts;
  let name = '';
  let signed: { body: string; headers: Record<string, string> } = { body: webhook.body, headers: {} };
  const process = async ({ data }: Job<Data>): Promise<void> => {
    const id = idOf(name, data.n);
    const filled = (text: string) => text.replaceAll(ID_OF_JOB, id);
    for (const { url, headers, body } of before) {
      const own = Object.entries(headers).map(([header, value]) => [header, filled(value)]);
      await client.post(url, { body: filled(body), headers: Object.fromEntries(own) });
    }
    await client.post(webhook.url, signed);
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
    name = randomBytes(10).toString('hex');
    const { body, secret } = webhook;
    const event = { id: `evt_floor${name}`, timestamp: new Date(), body, secrets: [secret] };
    signed = { body, headers: { ...signHeaders(event), 'content-type': 'application/json' } };
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
 * The floor of a step that goes through a queue: one BullMQ job for each item, whose processor makes the `posts` with got and nothing
 * else. No state is kept, no job signs anything, and nothing survives the loss of Redis. The far ends are those of the service, and
 * have the same work with a request: they take processor time from both.
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
