import { openTestDatabase, type TestDatabase } from '@emr-payments/testkit';
import { Client } from 'pg';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { readConcurrentIndex, withoutComments } from './concurrent-index.ts';
import { runScript } from './run-script.ts';
import { inTurn } from './take-turn.ts';

const PATIENCE = { timeout: 30_000, interval: 20 };

describe('what is read as an index that is made concurrently', () => {
  test.each([
    [
      'CREATE INDEX CONCURRENTLY "payments_notes_idx" ON "payments" ("user_id", "notes");',
      { unique: false, name: 'payments_notes_idx', table: 'payments', rest: '("user_id", "notes")' },
    ],
    [
      '-- Why; and what for.\ncreate unique index concurrently if not exists a on b using btree (c)\n  WHERE (d IS NOT NULL)',
      { unique: true, name: 'a', table: 'b', rest: 'using btree (c) WHERE (d IS NOT NULL)' },
    ],
    ['CREATE INDEX a ON b (c)', undefined],
    ['DROP INDEX CONCURRENTLY a', undefined],
  ])('%s', (script, read) => {
    expect(readConcurrentIndex(withoutComments(script))).toEqual(read);
  });
});

describe('an index that is made concurrently', () => {
  let database: TestDatabase;
  let owner: Client;
  let other: Client;
  beforeEach(async () => {
    database = await openTestDatabase();
    owner = new Client({ connectionString: database.url });
    other = new Client({ connectionString: database.url, application_name: 'a long report' });
    await owner.connect();
    await other.connect();
  });
  afterEach(async () => {
    await other.end();
    await owner.end();
    await database.drop();
  });

  const sql = async (text: string, values: unknown[] = []) => (await owner.query(text, values)).rows;
  const lines: string[] = [];
  beforeEach(() => lines.splice(0));
  const run = (script: string, waitMs = 60_000) =>
    inTurn({ report: (line) => lines.push(line) }, { url: database.url }, (deps) =>
      runScript(deps, { name: '1_index', script, waitMs }),
    );
  const isValid = async (name: string) =>
    (await sql('SELECT indisvalid AS valid FROM pg_index WHERE indexrelid = to_regclass($1)', [name]))[0]
      ?.valid;

  const ON_PATIENTS = 'CREATE INDEX CONCURRENTLY "patients_emr_idx" ON "patients" ("emr_patient_id")';
  const ON_PAYMENTS =
    'CREATE INDEX CONCURRENTLY "payments_amount_idx" ON "payments" ("amount") WHERE (amount > 10)';

  test('on a table: writers go on while it waits, an unfinished one is made again, and one that is there is not replaced', async () => {
    await other.query('BEGIN; LOCK TABLE patients IN ROW EXCLUSIVE MODE');
    await expect(run(ON_PATIENTS, 300)).rejects.toThrow(
      /^index patients_emr_idx has waited for 0 s: held by pid \d+ \(role postgres, a long report, /,
    );
    expect(await isValid('patients_emr_idx')).toBe(false);
    const again = run(ON_PATIENTS);
    await vi.waitFor(() => expect(lines.some((line) => line.includes('made again'))).toBe(true), PATIENCE);
    await owner
      .query(`SET lock_timeout = '20 s'; LOCK TABLE patients IN ROW EXCLUSIVE MODE`)
      .catch(() => undefined);
    await other.query('COMMIT');
    await again;
    expect(await isValid('patients_emr_idx')).toBe(true);
    await expect(run(ON_PATIENTS)).rejects.toThrow('the index patients_emr_idx of patients is there already');
  });

  test('on a partitioned table: every partition has its part, also one that is made later', async () => {
    await run(ON_PAYMENTS);
    expect(await isValid('payments_amount_idx')).toBe(true);
    const [{ made }] = await sql(`SELECT make_partition('payments', 28, 100) AS made`);
    const bare = await sql(
      `SELECT h.inhrelid::regclass::text AS partition FROM pg_inherits h
      WHERE h.inhparent = 'payments'::regclass AND NOT EXISTS (
        SELECT FROM pg_index i JOIN pg_inherits a ON a.inhrelid = i.indexrelid
         WHERE i.indrelid = h.inhrelid AND a.inhparent = 'payments_amount_idx'::regclass AND i.indisvalid)`,
    );
    expect(made).toMatch(/^payments_\d{8}$/);
    expect(bare).toEqual([]);
  });

  test('on a partitioned table: no partition is made meanwhile, writers go on, and a second try goes on where the first one ended', async () => {
    await other.query('BEGIN; LOCK TABLE payments_old IN ROW EXCLUSIVE MODE');
    await expect(run(ON_PAYMENTS, 300)).rejects.toThrow(/has waited for 0 s: /);
    expect(await isValid('payments_amount_idx')).toBe(false);
    expect(await isValid('payments_default_amount_idx')).toBe(true);

    lines.splice(0);
    const again = run(ON_PAYMENTS);
    await vi.waitFor(() => expect(lines.some((line) => line.includes('a long report'))).toBe(true), PATIENCE);
    expect(await sql(`SELECT make_partition('payments', 28, 100) AS made`)).toEqual([{ made: null }]);
    await owner.query(
      `BEGIN; SET LOCAL lock_timeout = '20 s'; LOCK TABLE payments IN ROW EXCLUSIVE MODE; COMMIT`,
    );
    await other.query('COMMIT');
    await again;
    expect(await isValid('payments_amount_idx')).toBe(true);
  });

  test('a statement that runs concurrently is alone in its file', async () => {
    await expect(run(`${ON_PATIENTS}; SELECT 1`)).rejects.toThrow(
      '1_index: a statement that runs CONCURRENTLY must be alone in its file',
    );
    await run(`${ON_PATIENTS};`);
    await run('-- Not needed any more.\nDROP INDEX CONCURRENTLY "patients_emr_idx";');
    expect(await isValid('patients_emr_idx')).toBe(undefined);
  });
});
