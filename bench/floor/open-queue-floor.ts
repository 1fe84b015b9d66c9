import { join } from 'node:path';
import { type Child, startChild } from '../child.ts';
import type { Environment } from '../machine/environment.ts';
import { EVENT_BODY } from '../service/events.ts';
import type { Service } from '../service/open-service.ts';
import type { QueueFloorCommands } from './queue.ts';

/** As many requests in flight as an endpoint's lane has at most. */
const CONCURRENCY = 64;

export type QueueFloor = { perSecond(count: number): Promise<number>; close(): Promise<void> };

/**
 * Starts a floor of BullMQ with `posts` requests for each job, on the Redis of the service and to its receiver.
 *
 * @returns null without Redis, because then our own queues are PostgreSQL's.
 */
export async function openQueueFloor(
  { redis }: Environment,
  { service, posts }: { service: Service; posts: number },
): Promise<QueueFloor | null> {
  if (redis === undefined) return null;
  const child: Child<QueueFloorCommands> = startChild<QueueFloorCommands>(
    join(import.meta.dirname, 'queue.ts'),
  );
  const url = `${service.receiverUrl}/floor`;
  await child.call('start', { redisUrl: redis.url, url, posts, concurrency: CONCURRENCY, body: EVENT_BODY });
  return {
    perSecond: async (count) => (await child.call('run', { count })).perSecond,
    close: () => child.stop(),
  };
}
