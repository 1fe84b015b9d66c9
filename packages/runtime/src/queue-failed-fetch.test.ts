import { hasRedisServer, openTestDatabase, startRedis } from '@emr-payments/testkit';
import { Client } from 'pg';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createLogger } from './logger.ts';
import { openTransport } from './queues.ts';

const logger = createLogger('test', 'silent');
const PATIENCE = { timeout: 60_000, interval: 20 };
/** More entries than the consumer takes before the server refuses: with an empty queue BullMQ would wait for a notification, and not fetch. */
const BACKLOG = 300;
const LOOKED_AT_MS = 3_000;

type Server = { redisUrl?: string; databaseUrl: string; refuse(): Promise<void>; allow(): Promise<void> };

async function postgres(): Promise<Server> {
  const database = await openTestDatabase();
  const owner = new Client({ connectionString: database.url });
  await owner.connect();
  const name = new URL(database.url).pathname.slice(1);
  onTestFinished(async () => {
    await owner.end();
    await database.drop();
  });
  const readOnly = async (value: 'on' | 'off') => {
    await owner.query(
      `SET default_transaction_read_only = off; ALTER DATABASE "${name}" SET default_transaction_read_only = ${value}`,
    );
    await owner.query(
      'SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
    );
  };
  return {
    databaseUrl: database.appUrl,
    refuse: () => readOnly('on'),
    allow: () => readOnly('off'),
  };
}

async function redis(): Promise<Server> {
  const server = await startRedis();
  onTestFinished(() => server.stop());
  return {
    redisUrl: server.url,
    databaseUrl: '',
    refuse: async () => void (await server.command('ACL SETUSER default -lmove -rpoplpush')),
    allow: async () => void (await server.command('ACL SETUSER default +lmove +rpoplpush')),
  };
}

const servers: [string, () => Promise<Server>][] = [['PostgreSQL that is read-only', postgres]];
if (hasRedisServer()) servers.push(['Redis that refuses the fetch', redis]);

test.each(servers)(
  '%s is asked twice a second, and the consumer goes on by itself',
  async (_, start) => {
    const { refuse, allow, ...urls } = await start();
    let errors = 0;
    const debug = () => {
      errors += 1;
    };
    const consuming = openTransport({ logger: { ...logger, debug } }, urls);
    onTestFinished(() => consuming.close());
    const producing = openTransport({ logger }, urls);
    onTestFinished(() => producing.close());
    const handled = new Set<string>();
    const first = Promise.withResolvers<void>();
    const refused = Promise.withResolvers<void>();
    for (let job = 1; job <= BACKLOG; job += 1)
      await producing.add('post-payment', [{ job: String(job), fence: 0 }]);
    const consumer = consuming.consume('post-payment', async ({ job }) => {
      handled.add(job);
      first.resolve();
      await refused.promise;
    });
    onTestFinished(() => consumer.close(1_000));
    await first.promise;
    await refuse();
    refused.resolve();
    await vi.waitFor(() => expect(errors).toBeGreaterThan(0), PATIENCE);
    const [from, errorsBefore] = [performance.now(), errors];
    await new Promise((resolve) => setTimeout(resolve, LOOKED_AT_MS));
    const seconds = (performance.now() - from) / 1_000;
    // Two fetches a second, the look for entries whose holder has gone every three seconds, and what was under way.
    expect(errors - errorsBefore).toBeLessThan(4 * seconds + 10);
    expect(handled.size).toBeLessThan(BACKLOG);
    await allow();
    await vi.waitFor(() => expect(handled.size).toBe(BACKLOG), PATIENCE);
  },
  120_000,
);
