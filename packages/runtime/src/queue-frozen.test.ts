import { hasRedisServer, startRedis } from '@emr-payments/testkit';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { createLogger } from './logger.ts';
import { queueTroubleOf } from './queue-trouble.ts';
import { openTransport, type Transport } from './queues.ts';

// A Redis that is frozen keeps its connections open and answers nothing: no network error shows it.

/** BullMQ alone would wait for ever; ours takes 3 s, on a busy machine more. */
const NOTICED_MS = 15_000;
const entry = { job: '1', fence: 0 };

describe.runIf(hasRedisServer())('a Redis that hangs', { timeout: 90_000 }, () => {
  let redis: Awaited<ReturnType<typeof startRedis>>;
  const freeze = () => process.kill(redis.pid, 'SIGSTOP');
  const thaw = () => void process.kill(redis.pid, 'SIGCONT');
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());

  function open(): Transport {
    const transport = openTransport(
      { logger: createLogger('test', 'silent') },
      { redisUrl: redis.url, databaseUrl: 'postgres://unused' },
    );
    onTestFinished(() => transport.close());
    // Runs before the close: nothing waits for a frozen server.
    onTestFinished(() => {
      thaw();
    });
    return transport;
  }

  /** Waits for the promise to reject, at most so long. */
  async function rejected(work: Promise<unknown>): Promise<unknown> {
    const startedAt = performance.now();
    const error = await work.then(
      () => expect.fail('it did not reject'),
      (reason: unknown) => reason,
    );
    expect(performance.now() - startedAt).toBeLessThan(NOTICED_MS);
    return error;
  }

  test('fails every call of a producer within seconds, and is used again once it goes on', async () => {
    const transport = open();
    await transport.ping();
    await transport.add('post-payment', [entry]);
    freeze();
    const errors = await Promise.all([
      rejected(transport.ping()),
      rejected(transport.add('post-payment', [entry])),
      rejected(
        transport.add(
          'post-payment',
          Array.from({ length: 120 }, () => entry),
        ),
      ),
      rejected(transport.waitingSince('post-payment')),
    ]);
    expect(errors.map(queueTroubleOf)).toEqual(Array(4).fill('queue_unreachable'));
    thaw();
    await vi.waitFor(() => transport.ping(), { timeout: NOTICED_MS });
    await transport.add('post-payment', [entry]);
    expect(await transport.waitingSince('post-payment')).not.toBeNull();
  });

  test('that was frozen before the first connection is noticed as well', async () => {
    freeze();
    const transport = open();
    expect(queueTroubleOf(await rejected(transport.ping()))).toBe('queue_unreachable');
    expect(queueTroubleOf(await rejected(transport.add('post-payment', [entry])))).toBe('queue_unreachable');
    thaw();
    await vi.waitFor(() => transport.ping(), { timeout: NOTICED_MS });
    await transport.add('post-payment', [entry]);
  });

  test('keeps no consumer from what is queued once it goes on', async () => {
    const transport = open();
    const taken: string[] = [];
    const consumer = transport.consume('deliver-webhook', async ({ job }) => void taken.push(job));
    onTestFinished(() => consumer.close(1_000));
    await transport.add('deliver-webhook', [{ job: '7', fence: 0 }]);
    await vi.waitFor(() => expect(taken).toEqual(['7']), { timeout: NOTICED_MS });
    freeze();
    await rejected(transport.ping());
    thaw();
    await vi.waitFor(() => transport.ping(), { timeout: NOTICED_MS });
    await transport.add('deliver-webhook', [{ job: '8', fence: 0 }]);
    await vi.waitFor(() => expect(taken).toContain('8'), { timeout: NOTICED_MS });
  });

  test.each(['nothing', 'an entry'])(
    'holds up the stop of a consumer that has %s under work no longer than it may take',
    async (what) => {
      const transport = open();
      const ending = Promise.withResolvers<void>();
      const taken: string[] = [];
      const consumer = transport.consume('deliver-webhook', async ({ job, onClaimed }) => {
        taken.push(job);
        onClaimed?.();
        if (what === 'an entry') await ending.promise;
      });
      await transport.add('deliver-webhook', [{ job: '9', fence: 0 }]);
      await vi.waitFor(() => expect(taken).toContain('9'), { timeout: NOTICED_MS });
      freeze();
      const startedAt = performance.now();
      await consumer.close(500);
      await transport.close();
      expect(performance.now() - startedAt).toBeLessThan(NOTICED_MS);
      ending.resolve();
    },
  );
});
