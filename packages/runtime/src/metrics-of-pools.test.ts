import { openEmptyDatabase } from '@emr-payments/testkit';
import { Pool } from 'pg';
import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { addPoolMetrics } from './metrics-of-pools.ts';

test('the connections of a pool are counted, and only waits for one are measured', async () => {
  const database = await openEmptyDatabase();
  const pool = new Pool({ connectionString: database.url, max: 1, connectionTimeoutMillis: 30_000 });
  const registry = new Registry();
  addPoolMetrics(registry, [{ name: 'general', pool }]);
  const shown = async () => (await registry.metrics()).split('\n');
  try {
    expect(await shown()).toEqual(
      expect.arrayContaining([
        'emr_payments_pool_connections{pool="general",state="idle"} 0',
        'emr_payments_pool_connections{pool="general",state="most"} 1',
        'emr_payments_pool_wait_seconds_count{pool="general"} 0',
      ]),
    );
    // The connection is opened, and then it is there.
    for (let n = 0; n < 3; n += 1) await pool.query('SELECT 1');
    expect(await shown()).toContain('emr_payments_pool_wait_seconds_count{pool="general"} 1');

    // Of two at once the first has the idle connection, which is still there when the second asks.
    await Promise.all([pool.query('SELECT 1'), pool.query('SELECT 1')]);
    expect(await shown()).toContain('emr_payments_pool_wait_seconds_count{pool="general"} 2');

    const client = await pool.connect();
    const waiting = [pool.query('SELECT 2'), pool.connect().then((found) => found.release())];
    expect(await shown()).toEqual(
      expect.arrayContaining([
        'emr_payments_pool_connections{pool="general",state="used"} 1',
        'emr_payments_pool_waiting{pool="general"} 2',
        'emr_payments_pool_wait_seconds_count{pool="general"} 2',
      ]),
    );
    client.release();
    await Promise.all(waiting);
    expect(await shown()).toContain('emr_payments_pool_wait_seconds_count{pool="general"} 4');
    expect(await shown()).toContain('emr_payments_pool_connections{pool="general",state="idle"} 1');
  } finally {
    await pool.end();
    await database.drop();
  }
});

test('a wait that ends without a connection is measured, too', async () => {
  const database = await openEmptyDatabase();
  const pool = new Pool({ connectionString: database.url, max: 1, connectionTimeoutMillis: 3_000 });
  const registry = new Registry();
  addPoolMetrics(registry, [{ name: 'general', pool }]);
  const client = await pool.connect();
  try {
    const late = [pool.query('SELECT 1'), pool.connect()];
    for (const one of late) await expect(one).rejects.toThrow('timeout');
    expect(await registry.metrics()).toContain('emr_payments_pool_wait_seconds_count{pool="general"} 3');
  } finally {
    client.release();
    await pool.end();
    await database.drop();
  }
});
