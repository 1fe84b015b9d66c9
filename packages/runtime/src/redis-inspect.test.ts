import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  freePort,
  hasRedisServer,
  startRedis,
  startRedisCluster,
  startRedisSentinel,
} from '@emr-payments/testkit';
import { REDIS_CERTIFICATE, REDIS_KEY } from '@emr-payments/testkit/redis-tls';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createLogger } from './logger.ts';
import { openQueueProbe } from './queue-connections.ts';
import { factsIn, refusalOf } from './redis-facts.ts';
import { inspectRedis, refuseUnfitRedis } from './redis-inspect.ts';

const logger = createLogger('test', 'silent');
const inspect = (url: string, withinMs = 10_000) => inspectRedis({ logger }, { url, withinMs });
const refuse = (redisUrl: string | undefined) => refuseUnfitRedis({ logger }, { redisUrl });

async function opened<T extends { stop(): Promise<void> }>(starting: Promise<T>): Promise<T> {
  const server = await starting;
  onTestFinished(() => server.stop());
  return server;
}

test.each([
  [
    'redis_version:6.0.16\r\nredis_mode:standalone\r\nmaxmemory_policy:noeviction',
    /version 6\.0\.16.*needs 6\.2/,
  ],
  ['redis_version:5.0.3\r\nmaxmemory_policy:noeviction\r\n', /version 5\.0\.3/],
  ['redis_version:6.2.0\r\nmaxmemory_policy:noeviction\r\n', null],
  ['redis_version:7.2.4\r\nvalkey_version:8.1.0\r\nmaxmemory_policy:noeviction\r\n', null],
  ['redis_version:8.2.1\r\nmaxmemory_policy:volatile-ttl\r\n', /maxmemory-policy volatile-ttl/],
  ['redis_version:8.2.1\r\n', null],
])('what a server says of itself: %j', (info, refusal) => {
  const found = refusalOf(factsIn(info), { kind: 'single' });
  if (refusal === null) expect(found).toBeNull();
  else expect(found).toMatch(refusal);
});

describe.runIf(hasRedisServer())('a Redis', { timeout: 120_000 }, () => {
  test('that may remove entries is refused at the start, and named when the policy is changed later', async () => {
    const redis = await opened(startRedis());
    await refuse(redis.url);
    const probe = openQueueProbe({ logger }, { redisUrl: redis.url, databaseUrl: '' });
    onTestFinished(() => probe.close());
    await redis.command('CONFIG SET maxmemory-policy allkeys-lru');
    await expect(refuse(redis.url)).rejects.toThrow('has the maxmemory-policy allkeys-lru');
    expect(await probe.trouble()).toBe('queue_evicts');
    await probe.ping();
  });

  test('of which one node of several may remove entries is refused, and named', async () => {
    const cluster = await opened(startRedisCluster({ replicas: 0 }));
    const probe = openQueueProbe({ logger }, { redisUrl: cluster.url, databaseUrl: '' });
    onTestFinished(() => probe.close());
    await refuse(cluster.url);
    await cluster.nodes[1]?.command('CONFIG SET maxmemory-policy volatile-ttl');
    await expect(refuse(cluster.url)).rejects.toThrow('has the maxmemory-policy volatile-ttl');
    expect(await probe.trouble()).toBe('queue_evicts');
  });

  test('that is away, or refuses our password, does not stop a start', async () => {
    await refuse(`redis://127.0.0.1:${await freePort()}`);
    const redis = await opened(startRedis({ requirepass: 'secret' }));
    await refuse(redis.url);
    expect(await inspect(redis.url)).toMatchObject({ refusal: null, trouble: 'queue_refused' });
    await refuse(undefined);
  });

  test('of another kind than REDIS_URL says is refused', async () => {
    const [redis, cluster, sentinel] = await Promise.all([
      opened(startRedis()),
      opened(startRedisCluster({ replicas: 0 })),
      opened(startRedisSentinel({ replicas: 0, sentinels: 1 })),
    ]);
    const at = (scheme: string, port: number | undefined, path = '') =>
      `${scheme}://127.0.0.1:${port}${path}`;
    await expect(refuse(at('redis+cluster', redis.port))).rejects.toThrow('names a Redis Cluster');
    await expect(refuse(at('redis+sentinel', redis.port, '/payments'))).rejects.toThrow('names sentinels');
    await expect(refuse(at('redis', sentinel.sentinels[0]?.port))).rejects.toThrow('names a sentinel');
    const nodes = cluster.nodes.map(({ port }) =>
      refuse(at('redis', port)).then(() => 'owns the keys', String),
    );
    expect((await Promise.all(nodes)).filter((each) => /names one node/.test(each))).toHaveLength(2);

    expect(await inspect(cluster.url)).toMatchObject({ kind: 'cluster', refusal: null, trouble: null });
    expect((await inspect(cluster.url)).servers).toHaveLength(3);
    expect(await inspect(sentinel.url)).toMatchObject({ kind: 'sentinel', refusal: null, trouble: null });
    expect(await inspect(redis.url)).toMatchObject({
      ...{ kind: 'single', refusal: null, trouble: null },
      servers: [{ product: expect.any(String), mode: 'standalone', policy: 'noeviction' }],
    });
  });

  test('with TLS is trusted by the authority that the URL names, and sees our certificate', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'emr-payments-redis-tls-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
    writeFileSync(cert, REDIS_CERTIFICATE);
    writeFileSync(key, REDIS_KEY, { mode: 0o600 });
    const port = await freePort();
    const files = { 'tls-cert-file': cert, 'tls-key-file': key, 'tls-ca-cert-file': cert };
    await opened(startRedis({ 'tls-port': String(port), 'tls-auth-clients': 'yes', ...files }));
    const trouble = async (query: string, withinMs?: number) =>
      (await inspect(`rediss://localhost:${port}${query}`, withinMs)).trouble;
    expect(await trouble(`?cacert=${cert}&cert=${cert}&key=${key}`)).toBeNull();
    // Without our certificate, and without the authority of the server's.
    const refused = await Promise.all([
      trouble(`?cacert=${cert}`, 500),
      trouble(`?cert=${cert}&key=${key}`, 500),
    ]);
    expect(refused).toEqual(['queue_unreachable', 'queue_unreachable']);
  });
});
