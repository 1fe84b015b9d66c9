import { seal } from '@emr-payments/runtime';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openDatabase } from '../core/database.ts';
import { type OpenPractice, openPractice } from '../testing/open-practice.ts';
import { checkSealed } from './reseal.ts';

let practice: OpenPractice;
beforeEach(async () => {
  practice = await openPractice();
});
afterEach(() => practice.close());

const ROWS = 3_000;

test('each page is read from where the one before ended, also when its plan is one for any values', async () => {
  const { keyring } = practice;
  const sealed = seal(keyring, 'emr_token:other', 'token');
  await practice.database.pool.query(
    `INSERT INTO emr_tokens (key, sealed, expires_at)
     SELECT 'k' || lpad(n::text, 9, '0'), $1, now() FROM generate_series(1, ${ROWS}) n`,
    [sealed],
  );
  await practice.database.pool.query('ANALYZE emr_tokens');
  const database = openDatabase({ url: practice.url, poolSize: 1, applicationName: 'test' });
  try {
    const { unopened } = await checkSealed({ database, keyring });
    expect(unopened.length).toBe(ROWS);
    await database.pool.query('SELECT pg_stat_force_next_flush()');
    const { rows } = await database.pool.query(
      `SELECT (idx_tup_fetch + seq_tup_read)::int AS read FROM pg_stat_user_tables WHERE relname = 'emr_tokens'`,
    );
    // The insert and the ANALYZE are not counted there; reading from the beginning each time is 15 times the rows.
    expect(rows[0].read).toBeLessThan(3 * ROWS);
  } finally {
    await database.close();
  }
});
