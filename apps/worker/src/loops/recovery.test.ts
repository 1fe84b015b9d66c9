import { startReceiver } from '@emr-payments/testkit/receiver';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type DeliveryBench, openDeliveryBench } from '../testing/delivery-bench.ts';
import { startRecovery } from './recovery.ts';

const PATIENCE = { timeout: 30_000 };

let bench: DeliveryBench;
beforeAll(async () => {
  bench = await openDeliveryBench();
});
afterAll(() => bench.close());

const rows = async (sql: string) => (await bench.owner.pool.query(sql)).rows;

test('carries recoveries out, says when one has ended, goes on after an error, and stops when it is closed', async () => {
  const receiver = await startReceiver((response) => response.writeHead(204).end());
  const { id } = await bench.register({ url: receiver.url });
  await rows(`UPDATE webhook_endpoints SET created_at = now() - interval '1 hour'`);
  await rows(`INSERT INTO events (id, client_pk, type, body, created_at)
    SELECT 'evt_' || n, ${bench.clientPk}, 'payment.created', '{"n":' || n || '}', now() - interval '30 minutes' + n * interval '1 second'
      FROM generate_series(1, 70) AS n`);
  const start = (recovery: string) =>
    rows(`INSERT INTO recoveries (id, endpoint_id, since, until)
          VALUES ('${recovery}', '${id}', now() - interval '1 hour', now())`);
  const logged = vi.fn();
  const logger = { debug: logged, info: logged, warn: logged, error: logged };
  const onQueued = vi.fn();
  const { database } = bench;
  const loop = startRecovery({ database, logger, onQueued }, { intervalMs: 20, pauseMs: 1 });
  try {
    await rows('ALTER TABLE recoveries RENAME TO away');
    await vi.waitFor(
      () =>
        expect(logged).toHaveBeenCalledWith(
          { err: expect.anything() },
          'could not take the turn of a recovery',
        ),
      PATIENCE,
    );
    await rows('ALTER TABLE away RENAME TO recoveries');
    await start('rec_1');
    await vi.waitFor(async () => {
      await bench.deliverDue();
      expect(logged).toHaveBeenCalledWith({ recovery_id: 'rec_1', outcome: 'done' }, 'a recovery has ended');
    }, PATIENCE);
    expect(onQueued.mock.calls.length).toBeGreaterThanOrEqual(2);
    expect(await rows('SELECT state, total, delivered, failed FROM recoveries')).toEqual([
      { state: 'done', total: 70, delivered: 70, failed: 0 },
    ]);
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(70);
  } finally {
    await loop.close();
  }
  await start('rec_2');
  expect(await rows(`SELECT turns FROM recoveries WHERE id = 'rec_2'`)).toEqual([{ turns: 0 }]);
});
