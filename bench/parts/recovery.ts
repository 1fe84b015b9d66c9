import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { numberOf, until, withClient } from '../machine/ask.ts';
import type { Part, PartContext } from '../part.ts';
import { findingOf } from '../report/finding.ts';
import { delayPostings } from '../service/emr-delay.ts';
import { openService } from '../service/open-service.ts';

const TENANTS = 8;
/** So many wait in the queue before the rest stays in its lanes. */
const CROWDED = 64;
const QUEUE = '{emr-payments}:post-payment';

async function entriesOf(redis: Redis): Promise<number> {
  return (await redis.llen(`${QUEUE}:wait`)) + (await redis.llen(`${QUEUE}:active`));
}

async function memoryOf(redis: Redis): Promise<number> {
  return Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1] ?? 0);
}

/**
 * Wipes Redis while payments wait, and measures the time until as many are queued again as before. Most of them wait in their lanes: the queue is
 * short (decision 31).
 *
 * Entries of the last five seconds may still be on their way into the queue, so the sweeper takes them back only when the queue has got to
 * them: nothing is lost by that, and they come in their turn, but it would not be measured here.
 */
async function wipe(
  { environment, brief, say }: PartContext,
  plan: { payments: number; redisUrl: string },
): Promise<{ queued: number; seconds: number; bytesEach: number }> {
  const service = await openService(environment, {
    name: 'recovery',
    workers: 1,
    tenants: { count: TENANTS, postingCap: 16, deliveryCap: 16 },
    // One slow posting at a time, so that the queue stays full.
    settings: { worker: { POSTING_CONCURRENCY: '1' } },
  });
  const redis = new Redis(plan.redisUrl);
  try {
    await delayPostings(service.stack.emrUrl, brief(9) * 1000);
    const before = await memoryOf(redis);
    await service.load({ connections: 64, pace: { kind: 'closed', count: plan.payments } });
    return await withClient(service.databaseUrl, async (client) => {
      await until(
        'a crowded queue',
        120_000,
        async () => (await entriesOf(redis)) >= Math.min(plan.payments, CROWDED) - 10,
      );
      await pause(brief(6_000));
      const queued = await entriesOf(redis);
      const waiting = await numberOf(client, 'SELECT count(*) FROM jobs');
      const bytesEach = ((await memoryOf(redis)) - before) / queued;
      say(`${waiting} payments wait, ${queued} of them in Redis; wiping Redis`);
      await redis.flushall();
      const from = performance.now();
      // A few postings end in the meantime.
      await until('a queue as full as before', 180_000, async () => (await entriesOf(redis)) >= queued - 20);
      return { queued, seconds: (performance.now() - from) / 1000, bytesEach };
    });
  } finally {
    redis.disconnect();
    await service.close();
  }
}

/** Measures the recovery of the queue. */
export const recovery: Part = async (context) => {
  const redisUrl = context.environment.redis?.url;
  if (redisUrl === undefined) {
    context.say('skipped: there is no Redis to wipe');
    return [];
  }
  const payments = context.few(context.size === 'quick' ? 5_000 : 50_000);
  const { queued, seconds, bytesEach } = await wipe(context, { payments, redisUrl });
  return [
    findingOf(`${payments} payments wait: until the ${queued} in Redis are back`, 's', [seconds]),
    findingOf('Redis holds, for each payment that is queued', 'bytes', [bytesEach]),
  ];
};
