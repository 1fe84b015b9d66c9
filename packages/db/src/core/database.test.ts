import { openTestDatabase, type TestDatabase } from '@emr-payments/testkit';
import type { QueryResultRow } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openDatabase } from './database.ts';

let server: TestDatabase;
beforeAll(async () => {
  server = await openTestDatabase();
});
afterAll(() => server.drop());

test('options of the URL hold, and undo none of ours on the connections of sets', async () => {
  const url = new URL(server.url);
  url.searchParams.set('options', '-c jit=on -c enable_seqscan=on -c work_mem=5MB');
  const database = openDatabase({
    url: url.href,
    poolSize: 1,
    applicationName: 'test',
    parallel: false,
  });
  const SHOWN = `SELECT name, setting FROM pg_settings
    WHERE name IN ('plan_cache_mode', 'enable_seqscan', 'enable_bitmapscan', 'enable_nestloop', 'enable_mergejoin', 'jit', 'work_mem')`;
  const settings = (rows: QueryResultRow[]) =>
    Object.fromEntries(rows.map(({ name, setting }) => [name, setting]));
  try {
    const statement = {
      single: { name: 's', text: SHOWN },
      set: { name: 's-set', text: SHOWN },
      values: () => [],
    };
    expect(settings(await database.sets.runSet(statement, []))).toEqual({
      plan_cache_mode: 'force_generic_plan',
      enable_seqscan: 'off',
      enable_bitmapscan: 'off',
      enable_nestloop: 'off',
      enable_mergejoin: 'off',
      jit: 'off',
      work_mem: '5120',
    });
    expect(settings((await database.pool.query(SHOWN)).rows)).toMatchObject({ jit: 'on', work_mem: '5120' });
    const { rows } = await database.pool.query('SHOW max_parallel_workers_per_gather');
    expect(rows).toEqual([{ max_parallel_workers_per_gather: '0' }]);
  } finally {
    await database.close();
  }
});
