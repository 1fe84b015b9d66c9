import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { numberOf, until, withClient } from '../machine/ask.ts';
import type { Part, PartContext } from '../part.ts';
import { type Finding, findingOf } from '../report/finding.ts';
import { delayPostings } from '../service/emr-delay.ts';
import { openService } from '../service/open-service.ts';

const TENANTS = 8;
const QUEUE = '{emr-payments}:post-payment';

async function entriesOf(redis: Redis): Promise<number> {
  return (await redis.llen(`${QUEUE}:wait`)) + (await redis.llen(`${QUEUE}:active`));
}

async function memoryOf(redis: Redis): Promise<number> {
  return Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1] ?? 0);
}

/**
 * Wipes Redis while payments wait, and measures the time until as many are queued again as before.
 *
 * Entries of the last five seconds may still be on their way into the queue, so the sweeper takes them back only when the queue has got to
 * them: nothing is lost by that, and they come in their turn, but it would not be measured here.
 *
 * @param plan.postingCap the lanes' cap, which decides how many of the waiting payments are in Redis at all.
 */
async function wipe(
  { environment, brief, say }: PartContext,
  plan: { name: string; payments: number; postingCap: number; redisUrl: string },
): Promise<{ queued: number; seconds: number; bytesEach: number }> {
  const service = await openService(environment, {
    name: plan.name,
    workers: 1,
    tenants: { count: TENANTS, postingCap: plan.postingCap, deliveryCap: 16 },
    // One slow posting at a time, so that the queue stays full.
    settings: { worker: { POSTING_CONCURRENCY: '1' } },
  });
  const redis = new Redis(plan.redisUrl);
  try {
    await delayPostings(service.stack.emrUrl, brief(9) * 1000);
    const before = await memoryOf(redis);
    await service.load({ connections: 64, pace: { kind: 'closed', count: plan.payments } });
    return await withClient(service.databaseUrl, async (client) => {
      const inFlight = Math.min(plan.payments, TENANTS * plan.postingCap);
      await until('a full queue', 120_000, async () => (await entriesOf(redis)) >= inFlight - 10);
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

/** Measures the recovery of the queue with production's caps, and with caps so high that all payments are in Redis. */
export const recovery: Part = async (context) => {
  const redisUrl = context.environment.redis?.url;
  if (redisUrl === undefined) {
    context.say('skipped: there is no Redis to wipe');
    return [];
  }
  const payments = context.few(context.size === 'quick' ? 5_000 : 50_000);
  const capped = await wipe(context, { name: 'recovery_capped', payments, postingCap: 16, redisUrl });
  const postingCap = Math.ceil(payments / TENANTS) + 100;
  const open = await wipe(context, { name: 'recovery_open', payments, postingCap, redisUrl });
  const findings: Finding[] = [
    findingOf(`${payments} payments wait, caps of 16: until the ${capped.queued} in Redis are back`, 's', [
      capped.seconds,
    ]),
    findingOf(`${payments} payments wait, all in Redis: until all are back`, 's', [open.seconds]),
    findingOf('Redis holds, for each payment that is queued', 'bytes', [open.bytesEach]),
  ];
  return findings;
};
