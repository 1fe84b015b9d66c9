import { openTestDatabase, type TestDatabase } from '@emr-payments/testkit';
import type { QueryResultRow } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openDatabase } from './database.ts';
import { takeOptions } from './url-options.ts';

let server: TestDatabase;
beforeAll(async () => {
  server = await openTestDatabase();
});
afterAll(() => server.drop());

test.each([
  ['postgres://a:b@h/d', 'postgres://a:b@h/d', undefined],
  ['postgres://a:b@h/d?sslmode=require', 'postgres://a:b@h/d?sslmode=require', undefined],
  ['postgres://a:b@h/d?options=-c%20jit%3Don', 'postgres://a:b@h/d', '-c jit=on'],
  ['postgres://h/d?x=%2F+a&options=-c+jit=on&y=1', 'postgres://h/d?x=%2F+a&y=1', '-c jit=on'],
  ['postgres://h/d?options=-c%20a=1&%6fptions=-c%20b=2', 'postgres://h/d', '-c b=2'],
])('of %s the options are taken, and the rest stays', (given, url, options) => {
  expect(takeOptions(given)).toEqual({ url, options });
});

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
    WHERE name IN ('plan_cache_mode', 'enable_seqscan', 'enable_hashjoin', 'enable_mergejoin', 'jit', 'work_mem')`;
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
      enable_hashjoin: 'off',
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
