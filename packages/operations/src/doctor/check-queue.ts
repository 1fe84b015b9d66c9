import { createLogger, type QueueTrouble } from '@emr-payments/runtime';
import { isWithoutSession, WITHOUT_SESSION } from '@emr-payments/runtime/postgres-without-session';
import type { RedisInspection } from '@emr-payments/runtime/redis';
import type { Finding } from './finding.ts';

const QUEUE_MS = 5_000;

const HELD_UP = 'payments are accepted, and are posted once it is back';

/** Names the kind of Redis, its servers, their versions and their policy. */
function described({ kind, servers }: RedisInspection): string {
  const products = [
    ...new Set(servers.map(({ product, version }) => `${product} ${version ?? 'of unknown version'}`)),
  ];
  const policies = [...new Set(servers.map(({ policy }) => policy ?? 'not known'))];
  const of = products.length === 0 ? 'Redis' : products.join(' and ');
  const policy = `maxmemory-policy ${policies.join(' and ') || 'not known'}`;
  if (kind === 'cluster') return `BullMQ on a Redis Cluster with ${servers.length} masters, ${of}, ${policy}`;
  return `BullMQ on ${of}${kind === 'sentinel' ? ', the master that the sentinels name' : ''}, ${policy}`;
}

/** What each trouble of the queue means for somebody who looks at it from here. */
const SENTENCES: Readonly<Record<QueueTrouble, string>> = {
  queue_unreachable: 'cannot be reached',
  queue_read_only: 'takes no writes: it is a replica, or cannot save',
  queue_moved: 'has no node that answers for the keys of each queue',
  queue_full: 'has no memory left',
  queue_loading: 'is reading its data, or is busy with a script',
  queue_refused: 'refuses our user, password or rights',
  queue_evicts: 'may remove entries',
  queue_failed: 'answers with an error',
};

async function checkRedis(url: string): Promise<Finding> {
  const { inspectRedis } = await import('@emr-payments/runtime/redis');
  const inspection = await inspectRedis(
    { logger: createLogger('doctor', 'silent') },
    { url, withinMs: QUEUE_MS },
  );
  const { refusal, trouble, servers } = inspection;
  if (refusal !== null) return { state: 'failed', found: refusal };
  if (trouble !== null) {
    return { state: 'failed', found: `BullMQ on Redis: it ${SENTENCES[trouble]}; ${HELD_UP}` };
  }
  const known = servers.length > 0 && servers.every(({ policy }) => policy !== undefined);
  return {
    state: known ? 'ok' : 'warn',
    found: `${described(inspection)}${known ? '' : '; see that it is noeviction'}`,
  };
}

async function checkPostgresQueue(databaseUrl: string): Promise<Finding> {
  const { openQueueProbe } = await import('@emr-payments/runtime/queue-probe');
  const probe = openQueueProbe({ logger: createLogger('doctor', 'silent') }, { databaseUrl });
  try {
    const trouble = await probe.trouble();
    if (trouble === 'queue_unreachable' && (await isWithoutSession({ url: databaseUrl })))
      return { state: 'failed', found: `BullMQ on PostgreSQL: ${WITHOUT_SESSION}; ${HELD_UP}` };
    if (trouble === null) return { state: 'ok', found: 'BullMQ on PostgreSQL' };
    return { state: 'failed', found: `BullMQ on PostgreSQL: it ${SENTENCES[trouble]}; ${HELD_UP}` };
  } finally {
    await probe.close();
  }
}

export const checkQueue = ({
  directUrl,
  redisUrl,
}: {
  directUrl: string;
  redisUrl: string | undefined;
}): Promise<Finding> => (redisUrl === undefined ? checkPostgresQueue(directUrl) : checkRedis(redisUrl));
