import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { claimPosting, createAcceptor, feedJobs, openDatabase } from '@emr-payments/db';
import { createPractice } from '@emr-payments/db/testing';
import { createLogger, parseKeyring } from '@emr-payments/runtime';
import { openTransport } from '@emr-payments/runtime/queues';
import { COMPILED, hasRedisServer, openTestDatabase, startRedis } from '@emr-payments/testkit';
import { afterEach, expect, test, vi } from 'vitest';
import { createWorkerMetrics } from '../metrics.ts';
import { jobSteps } from '../steps.ts';
import { startRelay } from './relay.ts';
import { startSweeper } from './sweeper.ts';

const PATIENCE = { timeout: 60_000, interval: 50 };
const TAKER = join(import.meta.dirname, '../testing/bundle-taker.fixture.ts');
const logger = createLogger('test', 'silent');
const backends = ['PostgreSQL', ...(hasRedisServer() ? ['Redis'] : [])];

const releases: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (let next = releases.pop(); next !== undefined; next = releases.pop()) await next();
});

/** Starts a worker with so many places; `claimed` grows with the jobs that it claims. */
function startTaker(input: { databaseUrl: string; redisUrl: string; places: number }): {
  claimed: string[];
  kill(): Promise<void>;
} {
  const { databaseUrl, redisUrl, places } = input;
  const child: ChildProcess = spawn(process.execPath, [TAKER, databaseUrl, redisUrl, String(places)], {
    env: { NODE_COMPILE_CACHE: COMPILED },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const claimed: string[] = [];
  child.stdout?.on('data', (text: Buffer) => claimed.push(...text.toString().trim().split('\n')));
  return {
    claimed,
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

test.each(backends)(
  'a worker that is killed with half of a bundle claimed loses nothing, and nothing is done twice: %s',
  async (backend) => {
    const server = await openTestDatabase();
    releases.push(server.drop);
    const databaseUrl = server.appUrl;
    const database = openDatabase({ url: databaseUrl, poolSize: 4, applicationName: 'test' });
    releases.push(() => database.close());
    const redis = backend === 'Redis' ? await startRedis() : undefined;
    releases.push(async () => redis?.stop());
    const concurrency = { 'post-payment': 64, 'deliver-webhook': 64, 'sync-connection': 1 };
    const transport = openTransport({ logger }, { databaseUrl, redisUrl: redis?.url, concurrency });
    releases.push(() => transport.close());
    const keyring = parseKeyring(`test:${Buffer.alloc(32).toString('base64')}`);
    const practice = await createPractice({ database, keyring }, { connection: { concurrency: 64 } });
    const acceptor = createAcceptor({ database });
    await Promise.all(Array.from({ length: 6 }, () => acceptor.accept(practice.input())));
    const due = await feedJobs({ database }, 10);
    expect(due).toHaveLength(6);
    await transport.add(
      'post-payment',
      due.map(({ id, fence, queuedAt }) => ({ job: id, fence, queuedAt })),
    );

    const taker = startTaker({ databaseUrl, redisUrl: redis?.url ?? '', places: 3 });
    releases.push(taker.kill);
    await vi.waitFor(() => expect(taker.claimed).toHaveLength(3), PATIENCE);
    // The bundle has been taken: the other three are in the hands of the taker and have no claim.
    expect(await transport.waitingSince('post-payment')).toBeNull();
    const leased = 'SELECT count(*)::int AS n FROM jobs WHERE lease_until IS NOT NULL';
    expect((await database.pool.query(leased)).rows).toEqual([{ n: 3 }]);
    await taker.kill();

    const done: { job: string; fence: number }[] = [];
    const consumer = transport.consume('post-payment', async ({ job, fence, onClaimed }) => {
      const posting = await claimPosting({ database }, { jobId: job, fence, leaseMs: 30_000 });
      if (posting === null) return;
      onClaimed?.();
      done.push({ job, fence: posting.claim.fence });
      await database.pool.query('DELETE FROM jobs WHERE id = $1 AND fence = $2', [job, posting.claim.fence]);
    });
    releases.push(() => consumer.close(1_000));
    const metrics = createWorkerMetrics({ database });
    const relay = startRelay({ database, transport, logger, metrics }, { databaseUrl });
    releases.push(() => relay.close());
    const sweeper = startSweeper({ database, transport, steps: jobSteps, logger, metrics });
    releases.push(() => sweeper.close());
    await vi.waitFor(() => expect(done).toHaveLength(6), PATIENCE);

    // Those that the taker had claimed were claimed a second time, the others for the first.
    const fenceOf = ({ id }: { id: string }) => (taker.claimed.includes(id) ? 2 : 1);
    const byJob = (a: { job: string }, b: { job: string }) => Number(a.job) - Number(b.job);
    expect(done.sort(byJob)).toEqual(due.map((each) => ({ job: each.id, fence: fenceOf(each) })).sort(byJob));
  },
  90_000,
);
