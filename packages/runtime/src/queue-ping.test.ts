import { hasPgbouncer, openTestDatabase, startPgbouncer } from '@emr-payments/testkit';
import { Client } from 'pg';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createLogger } from './logger.ts';
import { isWithoutSession, WITHOUT_SESSION } from './postgres-without-session.ts';
import { openQueueProbe } from './queue-connections.ts';

if (!hasPgbouncer())
  process.stderr.write(`
  ############################################################################
  #  NO PGBOUNCER: the test of a queue without a session was SKIPPED.        #
  ############################################################################
`);

const PATIENCE = { timeout: 30_000, interval: 50 };

test('a server that cannot be reached, or that answers, is no pooler without sessions', async () => {
  const database = await openTestDatabase();
  onTestFinished(database.drop);
  expect(await isWithoutSession({ url: database.appUrl })).toBe(false);
  expect(await isWithoutSession({ url: 'postgresql://nobody:x@127.0.0.1:1/none' })).toBe(false);
});

test.runIf(hasPgbouncer())(
  'a queue that gets no session because a pooler has none left says so once, with what to do',
  async () => {
    const database = await openTestDatabase();
    onTestFinished(database.drop);
    const settings = { default_pool_size: '1' };
    const bouncer = await startPgbouncer({ urls: [database.appUrl], mode: 'session', settings });
    onTestFinished(bouncer.stop);
    const databaseUrl = bouncer.urlOf(database.appUrl);
    const holder = new Client({ connectionString: databaseUrl });
    await holder.connect();
    await holder.query('SELECT 1');

    const logger = createLogger('test', 'silent');
    const warned = vi.spyOn(logger, 'warn');
    const probe = openQueueProbe({ logger }, { databaseUrl });
    onTestFinished(() => probe.close());
    expect(await probe.trouble()).toBe('queue_unreachable');
    await vi.waitFor(() => expect(warned).toHaveBeenCalledOnce(), PATIENCE);
    expect(warned).toHaveBeenCalledWith(
      { backend: 'postgres', reason: WITHOUT_SESSION },
      'the queue gets no session of PostgreSQL',
    );
    expect(await probe.trouble()).toBe('queue_unreachable');
    expect(await probe.trouble()).toBe('queue_unreachable');
    expect(warned).toHaveBeenCalledOnce();
    await holder.end();
    await vi.waitFor(async () => expect(await probe.trouble()).toBeNull(), PATIENCE);
  },
  120_000,
);
