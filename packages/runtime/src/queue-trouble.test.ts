import {
  freePort,
  hasRedisServer,
  openTestDatabase,
  type RedisServer,
  startRedis,
} from '@emr-payments/testkit';
import { Client } from 'pg';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { createLogger } from './logger.ts';
import { queueTroubleOf } from './queue-trouble.ts';
import { openTransport, type Transport } from './queues.ts';

const PATIENCE = { timeout: 30_000, interval: 50 };
const logger = createLogger('test', 'silent');

const releases: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (let next = releases.pop(); next !== undefined; next = releases.pop()) await next();
});

function opened(urls: { redisUrl?: string; databaseUrl: string }): Transport {
  const transport = openTransport({ logger }, urls);
  releases.push(() => transport.close());
  return transport;
}

const trouble = (transport: Transport) => transport.ping().then(() => null, queueTroubleOf);
const entry = { job: '1', fence: 0 };

describe.runIf(hasRedisServer())('Redis', () => {
  async function start(settings: Record<string, string> = {}): Promise<RedisServer> {
    const redis = await startRedis(settings);
    releases.push(() => redis.stop());
    return redis;
  }
  const on = ({ url }: { url: string }) => opened({ redisUrl: url, databaseUrl: '' });
  const settles = (transport: Transport, expected: string | null) =>
    vi.waitFor(async () => expect(await trouble(transport)).toBe(expected), PATIENCE);
  const portOf = ({ url }: RedisServer) => new URL(url).port;

  test('works, and what it writes does not stay', async () => {
    const redis = await start();
    await settles(on(redis), null);
    expect(Number((await redis.command('PTTL {emr-payments}:probe')).slice(1))).toBeGreaterThan(0);
  });

  test('a node of a cluster that does not own the slot of our keys: MOVED, while PING is answered', async () => {
    const busPort = String(await freePort());
    const [one, other] = await Promise.all([
      start({ 'cluster-enabled': 'yes', 'cluster-port': String(await freePort()) }),
      start({ 'cluster-enabled': 'yes', 'cluster-port': busPort }),
    ]);
    const transport = on(one);
    // Nobody owns the slot yet.
    await settles(transport, 'queue_moved');
    const slot = (await one.command('CLUSTER KEYSLOT {emr-payments}')).slice(1);
    await other.command(`CLUSTER ADDSLOTS ${slot}`);
    await one.command('CONFIG SET cluster-require-full-coverage no');
    await other.command('CONFIG SET cluster-require-full-coverage no');
    await one.command(`CLUSTER MEET 127.0.0.1 ${portOf(other)} ${busPort}`);
    await vi.waitFor(async () => {
      const answer = await one.command('GET {emr-payments}:probe');
      expect(answer).toBe(`-MOVED ${slot} 127.0.0.1:${portOf(other)}`);
    }, PATIENCE);
    expect(await one.command('PING')).toBe('+PONG');
    expect(await trouble(transport)).toBe('queue_moved');
    await settles(on(other), null);
  });

  test('a replica, until it is promoted', async () => {
    const master = await start();
    const replica = await start();
    const transport = on(replica);
    await settles(transport, null);
    await replica.command(`REPLICAOF 127.0.0.1 ${portOf(master)}`);
    await settles(transport, 'queue_read_only');
    await expect(transport.add('post-payment', [entry])).rejects.toThrow();
    await replica.command('REPLICAOF NO ONE');
    await settles(transport, null);
    await transport.add('post-payment', [entry]);
  });

  test('its memory is full', async () => {
    const redis = await start();
    const transport = on(redis);
    await settles(transport, null);
    await redis.command('CONFIG SET maxmemory 1');
    expect(await trouble(transport)).toBe('queue_full');
    await redis.command('CONFIG SET maxmemory 0');
    expect(await trouble(transport)).toBeNull();
  });

  test('its scripts are forgotten: it works on', async () => {
    const redis = await start();
    const transport = on(redis);
    await settles(transport, null);
    await redis.command('SCRIPT FLUSH');
    expect(await trouble(transport)).toBeNull();
  });

  test('a password that we do not have, a user that may not run scripts, keys that are not ours', async () => {
    const closed = await start({ requirepass: 'secret' });
    await settles(on(closed), 'queue_refused');
    const redis = await start();
    await redis.command('ACL SETUSER reader on >pw ~* +@all -eval');
    await redis.command('ACL SETUSER stranger on >pw ~another:* +@all');
    const as = (user: string, password: string) =>
      on({ url: redis.url.replace('redis://', `redis://${user}:${password}@`) });
    await settles(as('reader', 'pw'), 'queue_refused');
    await settles(as('stranger', 'pw'), 'queue_refused');
    await settles(as('reader', 'wrong'), 'queue_refused');
  });

  test('it is away, and back again', async () => {
    const redis = await start();
    const transport = on(redis);
    await settles(transport, null);
    await redis.stop();
    await settles(transport, 'queue_unreachable');
    await redis.restart();
    await settles(transport, null);
  });
});

describe('PostgreSQL', () => {
  test('what PgBouncer says when it takes no connection', () => {
    const error = Object.assign(new Error('no more connections allowed (max_client_conn)'), {
      code: '08P01',
    });
    expect(queueTroubleOf(error)).toBe('queue_unreachable');
  });

  test('full, read-only, and without rights on the tables of the queue', async () => {
    const { url: ownerUrl, appUrl: url, drop } = await openTestDatabase();
    releases.push(drop);
    const admin = new Client({ connectionString: ownerUrl });
    await admin.connect();
    releases.push(() => admin.end());
    const name = new URL(url).pathname.slice(1);
    expect(await trouble(opened({ databaseUrl: url }))).toBeNull();

    await opened({ databaseUrl: url }).add('post-payment', [entry]);
    const role = `queue_${name}`;
    await admin.query(`CREATE ROLE ${role} LOGIN PASSWORD 'pw'`);
    releases.push(() => admin.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`));
    const own = new URL(url);
    own.username = role;
    own.password = 'pw';
    expect(await trouble(opened({ databaseUrl: own.href }))).toBe('queue_refused');
    await admin.query(`GRANT USAGE ON SCHEMA bullmq TO ${role}`);
    expect(await trouble(opened({ databaseUrl: own.href }))).toBe('queue_refused');
    await admin.query(`GRANT ALL ON ALL TABLES IN SCHEMA bullmq TO ${role}`);
    expect(await trouble(opened({ databaseUrl: own.href }))).toBeNull();
    await admin.query(`ALTER ROLE ${role} CONNECTION LIMIT 0`);
    expect(await trouble(opened({ databaseUrl: own.href }))).toBe('queue_unreachable');
    await admin.query(`ALTER ROLE ${role} CONNECTION LIMIT -1`);
    own.password = 'wrong';
    expect(await trouble(opened({ databaseUrl: own.href }))).toBe('queue_refused');

    await admin.query(`ALTER DATABASE ${name} SET default_transaction_read_only = on`);
    const readOnly = opened({ databaseUrl: url });
    expect(await trouble(readOnly)).toBe('queue_read_only');
    await admin.query(`ALTER DATABASE ${name} SET default_transaction_read_only = off`);
    expect(await trouble(readOnly)).toBeNull();
  });
});
