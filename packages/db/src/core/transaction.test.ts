import type { PoolClient } from 'pg';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { SYSTEM } from '../audit/entry.ts';
import { openPatientImport } from '../tenants/open-patient-import.ts';
import { type OpenPractice, openPractice } from '../testing/open-practice.ts';
import { isConflict, query } from './statements.ts';
import { inRepeatableTransaction, inTransaction } from './transaction.ts';

// A deadlock that PostgreSQL ends by undoing our transaction: it waits for the other one first, so it looks for deadlocks first.

const PATIENCE = { timeout: 15_000, interval: 20 };

let practice: OpenPractice;
let other: PoolClient;
beforeAll(async () => {
  practice = await openPractice();
  other = await practice.owner.pool.connect();
});
const fill = async () => {
  await other.query('DELETE FROM patients');
  const text = `INSERT INTO patients (user_id, mrn, emr_patient_id) VALUES ($1, 'A', 'p1'), ($1, 'Z', 'p2')`;
  await other.query(text, [practice.userId]);
};
beforeEach(fill);
afterAll(async () => {
  other.release();
  await practice.close();
});

const waiting = async () => {
  // Within a transaction the view would be read once only.
  await other.query('SELECT pg_stat_clear_snapshot()');
  const { rows } = await other.query<{ n: number }>(
    `SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
  );
  return rows[0]?.n;
};
const LOCK = { text: 'SELECT FROM patients WHERE mrn = $1 FOR UPDATE' };

/**
 * Starts `ours`, which writes A and then Z, while another transaction has Z and then wants A. On a slow machine ours may have looked for
 * a deadlock before there was one; then the other one is undone, and it is played again.
 */
async function deadlocked<T>(ours: () => Promise<T>): Promise<T> {
  await other.query('BEGIN');
  await other.query(LOCK.text, ['Z']);
  const running = ours();
  running.catch(() => undefined);
  await expect.poll(waiting, PATIENCE).toBe(1);
  const undone = await other.query(LOCK.text, ['A']).then(
    () => false,
    () => true,
  );
  await other.query('COMMIT');
  if (!undone) return running;
  await running;
  await fill();
  return deadlocked(ours);
}

function twoLocks(run: typeof inTransaction) {
  const seen = { runs: 0 };
  const work = () => {
    seen.runs = 0;
    return run(practice, async (tx) => {
      seen.runs += 1;
      for (const mrn of ['A', 'Z']) await query(tx, LOCK, [mrn]);
      return { commit: true, value: 'done' };
    });
  };
  return { seen, work };
}

test('a transaction that may run twice is run again after a deadlock', async () => {
  const { seen, work } = twoLocks(inRepeatableTransaction);
  expect([await deadlocked(work), seen.runs]).toEqual(['done', 2]);
});

test('another one fails, as a conflict', async () => {
  const { seen, work } = twoLocks(inTransaction);
  const error = await deadlocked(work).catch((thrown: unknown) => thrown);
  expect([isConflict(error), seen.runs]).toEqual([true, 1]);
});

test('another error is not tried again', async () => {
  let runs = 0;
  const failing = inRepeatableTransaction(practice, async (tx) => {
    runs += 1;
    await query(tx, { text: 'SELECT 1 / 0' }, []);
    return { commit: true, value: null };
  });
  await expect(failing).rejects.toMatchObject({ code: '22012' });
  expect(runs).toBe(1);
});

test('an import settles its rows again after a deadlock', async () => {
  const { userId, publicId } = practice;
  const importing = () =>
    openPatientImport(practice, { userId, publicId }, async (one) => {
      await one.stage(['A', 'Z'].map((mrn, line) => ({ line, mrn, emrPatientId: `new-${mrn}` })));
      return one.settle({ write: true, allowChanges: true, by: SYSTEM, leftOut: 0 });
    });
  expect(await deadlocked(importing)).toMatchObject({ outcome: 'settled', written: 2 });
  const { rows } = await other.query('SELECT mrn, emr_patient_id AS id FROM patients ORDER BY mrn');
  expect(rows).toEqual(['A', 'Z'].map((mrn) => ({ mrn, id: `new-${mrn}` })));
});
