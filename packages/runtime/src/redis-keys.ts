import type { QueueName } from './queue-backend.ts';
import type { RedisTopology } from './redis-url.ts';

/** What the keys of each queue begin with. What is in braces decides the slot of a Cluster. */
type Prefixes = Readonly<Record<QueueName, string>>;

/** As it has always been: a Redis that is no Cluster keeps its keys through every upgrade. */
const ONE_PREFIX = '{emr-payments}';
const IN_ONE: Prefixes = {
  'post-payment': ONE_PREFIX,
  'deliver-webhook': ONE_PREFIX,
  'sync-connection': ONE_PREFIX,
};

/**
 * BullMQ wants all keys of a queue in one slot. These tags are in slots 2477, 8411 and 13387, which three, four, five and six masters
 * with equal shares each have on different nodes. They must not change: an entry is found only where it was put.
 */
const IN_SLOTS: Prefixes = {
  'post-payment': '{emr-payments:queue:post}',
  'deliver-webhook': '{emr-payments:queue:deliver}',
  'sync-connection': '{emr-payments:queue:sync}',
};

export const prefixesOf = (kind: RedisTopology['kind']): Prefixes => (kind === 'cluster' ? IN_SLOTS : IN_ONE);

/** The keys that a check writes: one in each slot that the queues use. In a Cluster it is known whose slot it is. */
export function probesOf(kind: RedisTopology['kind']): { key: string; queue?: QueueName }[] {
  if (kind !== 'cluster') return [{ key: `${ONE_PREFIX}:probe` }];
  return Object.entries(IN_SLOTS).map(([queue, prefix]) => ({
    key: `${prefix}:probe`,
    queue: queue as QueueName,
  }));
}

/** The key of the marks that workers have seen committed, by the installation of each (docs/decisions/0027-lineage.md). */
export const marksKeyOf = (kind: RedisTopology['kind']): string =>
  `${prefixesOf(kind)['post-payment']}:marks`;
