import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { hasRedisServer, type RedisServer, startRedis, startRedisCluster } from '@emr-payments/testkit';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { LogFields, Logger } from './logger.ts';
import { openTransport } from './queues.ts';

const PATIENCE = { timeout: 30_000, interval: 50 };

/** The user that docs/redis.md tells operators to make. */
const page = readFileSync(join(import.meta.dirname, '../../../docs/redis.md'), 'utf8');
const RULES = /^user emr-payments (.*)$/m.exec(page)?.[1]?.replace('>PASSWORD', '>pw') ?? '';

/** Opens the queues as this user; what they log is in `lines`. */
function openAs(servers: string) {
  const lines: LogFields[] = [];
  const keep = (fields: LogFields) => void lines.push(fields);
  const logger: Logger = { debug: () => undefined, info: keep, warn: keep, error: keep };
  const transport = openTransport(
    { logger },
    { redisUrl: servers.replace('://', '://emr-payments:pw@'), databaseUrl: 'postgres://unused' },
  );
  onTestFinished(() => transport.close());
  return { lines, transport };
}

async function serve({ transport }: ReturnType<typeof openAs>): Promise<void> {
  await vi.waitFor(async () => expect(await transport.trouble()).toBeNull(), PATIENCE);
  const taken: string[] = [];
  await transport.add('post-payment', [{ job: '1', fence: 0 }]);
  await transport.add(
    'post-payment',
    Array.from({ length: 20 }, (_, n) => ({ job: String(n + 2), fence: 0 })),
  );
  expect(await transport.waitingSince('post-payment')).not.toBeNull();
  expect(await transport.waiting('post-payment')).toBe(21);
  const consumer = transport.consume('post-payment', async ({ job }) => {
    taken.push(job);
    if (job === '7') throw new Error('it could not be claimed');
  });
  await vi.waitFor(() => expect(new Set(taken).size).toBe(21), PATIENCE);
  await vi.waitFor(async () => expect(await transport.waitingSince('post-payment')).toBeNull(), PATIENCE);
  await consumer.close(2_000);
  await keepMarks(transport);
}

/** The marks of the database: each installation has its own, which is only ever raised. */
async function keepMarks({ marks }: Pick<ReturnType<typeof openTransport>, 'marks'>): Promise<void> {
  const [here, elsewhere] = ['0c8f3b52-8f0f-4a77-9f50-2d2b7a0b4a01', '0c8f3b52-8f0f-4a77-9f50-2d2b7a0b4a02'];
  if (marks === null) throw new Error('Redis keeps marks');
  expect(await marks.read(here)).toBeNull();
  for (const mark of [7, 9, 8]) await marks.raise(here, mark);
  expect([await marks.read(here), await marks.read(elsewhere)]).toEqual([9, null]);
  await marks.raise(elsewhere, 1e300);
  expect(await marks.read(elsewhere)).toBeNull();
}

const setUser = async (server: RedisServer) =>
  expect(await server.command(`ACL SETUSER emr-payments ${RULES}`)).toBe('+OK');
/** The commands that the server refused. ioredis asks for SETINFO and does without it; it is not known to a Redis before 7.2. */
const refusals = async (server: RedisServer) =>
  (await server.command('INFO commandstats'))
    .split('\n')
    .filter((line) => /rejected_calls=[1-9]/.test(line))
    .map((line) => /cmdstat_([^:]+)/.exec(line)?.[1])
    .filter((command) => command !== 'client|setinfo');

describe.runIf(hasRedisServer())('the smallest user of docs/redis.md', () => {
  test('is enough, and the log names a command that is taken away', async () => {
    const redis = await startRedis();
    onTestFinished(redis.stop);
    await setUser(redis);
    const opened = openAs(redis.url);
    await serve(opened);
    expect(await refusals(redis)).toEqual([]);
    expect(opened.lines.filter(({ code }) => code === 'NOPERM')).toEqual([]);

    await redis.command('ACL SETUSER emr-payments -xadd');
    await expect(opened.transport.add('post-payment', [{ job: '99', fence: 0 }])).rejects.toThrow();
    // Newer ones name the command of a script, too.
    const inScript = expect.stringMatching(/it may not run (a command of a script|'xadd')$/);
    await redis.command('ACL SETUSER emr-payments -eval');
    expect(await opened.transport.trouble()).toBe('queue_refused');
    const reasons = opened.lines.filter(({ code }) => code === 'NOPERM').map(({ reason }) => reason);
    expect(reasons).toContainEqual(inScript);
    expect(reasons).toContainEqual(expect.stringContaining("it may not run 'eval'"));
  });

  test('without INFO stops no process: readiness and the log name the right, and the queue works once it is there', async () => {
    const redis = await startRedis();
    onTestFinished(redis.stop);
    await setUser(redis);
    await redis.command('ACL SETUSER emr-payments -info');
    const { transport, lines } = openAs(redis.url);
    const taken: string[] = [];
    const consumer = transport.consume('post-payment', async ({ job }) => void taken.push(job));
    onTestFinished(() => consumer.close(1_000));
    await vi.waitFor(async () => expect(await transport.trouble()).toBe('queue_refused'), PATIENCE);
    expect(await transport.trouble()).toBe('queue_refused');
    await vi.waitFor(
      () =>
        expect(lines).toContainEqual(
          expect.objectContaining({
            code: 'NOPERM',
            reason: expect.stringContaining("it may not run 'info'"),
          }),
        ),
      PATIENCE,
    );
    await redis.command('ACL SETUSER emr-payments +info');
    await vi.waitFor(() => transport.add('post-payment', [{ job: '1', fence: 0 }]), PATIENCE);
    await vi.waitFor(() => expect(taken).toEqual(['1']), PATIENCE);
  });

  test('is enough in a Cluster', async () => {
    const redis = await startRedisCluster({ replicas: 0 });
    onTestFinished(redis.stop);
    await Promise.all(redis.nodes.map(setUser));
    const opened = openAs(redis.url);
    await serve(opened);
    expect(opened.lines.filter(({ code }) => code === 'NOPERM')).toEqual([]);
  });

  test('can do nothing else', async () => {
    const redis = await startRedis();
    onTestFinished(redis.stop);
    await setUser(redis);
    const allowed = async (command: string) =>
      (await redis.command(`ACL DRYRUN emr-payments ${command}`)) === '+OK';
    const others = ['FLUSHALL', 'CONFIG GET x', 'KEYS x', 'GET other', 'ACL LIST', 'SHUTDOWN', 'PUBLISH a b'];
    expect(await Promise.all(others.map(allowed))).toEqual(others.map(() => false));
    expect(await allowed('GET {emr-payments}:x')).toBe(true);
  });
});
