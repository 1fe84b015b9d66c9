import { Client } from 'pg';
import { describe, expect, test } from 'vitest';
import { hasRedisServer, openEmptyDatabase, openTestDatabase, redisForTests, startRedis } from './index.ts';

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

describe('test databases', () => {
  test('creates a separate migrated database for each caller, and drops it with its open sessions', async () => {
    const [one, other] = await Promise.all([openTestDatabase(), openTestDatabase()]);
    await query(one.url, `INSERT INTO clients (client_id, name) VALUES ('ci_test', 'Test')`);
    expect(await query(one.url, 'SELECT client_id FROM clients')).toEqual([{ client_id: 'ci_test' }]);
    expect(await query(other.url, 'SELECT client_id FROM clients')).toEqual([]);

    const left = new Client({ connectionString: one.url });
    left.on('error', () => undefined);
    await left.connect();
    await Promise.all([one.drop(), other.drop()]);
    await expect(query(one.url, 'SELECT 1')).rejects.toThrow(/does not exist/);
  });

  test('openEmptyDatabase creates one without tables', async () => {
    const empty = await openEmptyDatabase();
    const tables = await query(empty.url, `SELECT 1 FROM pg_tables WHERE schemaname = 'public'`);
    expect(tables).toEqual([]);
    await empty.drop();
  });
});

describe.runIf(hasRedisServer())('startRedis', () => {
  test('can be stopped and restarted on the same port', async () => {
    const redis = await startRedis();
    try {
      const first = redis.pid;
      await redis.flush();
      await redis.stop();
      await expect(redis.flush()).rejects.toThrow(/ECONNREFUSED/);
      await redis.restart();
      await redis.flush();
      expect(redis.pid).not.toBe(first);
    } finally {
      await redis.stop();
    }
  });

  test('starts with the role that it was given, after a kill', async () => {
    const redis = await startRedis({ replicaof: '127.0.0.1 1' });
    try {
      // As a sentinel promotes it.
      await redis.command('REPLICAOF NO ONE');
      expect(await redis.command('CONFIG REWRITE')).toBe('+OK');
      await redis.kill();
      await redis.start();
      expect(await redis.command('INFO replication')).toContain('role:master');
    } finally {
      await redis.stop();
    }
  });

  test('the run shares one Redis with all tests when redis-server is installed', () => {
    expect(redisForTests()?.url).toMatch(/^redis:/);
  });
});
