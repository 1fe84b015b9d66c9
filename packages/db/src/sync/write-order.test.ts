import { afterAll, beforeAll, expect, test } from 'vitest';
import { SYSTEM } from '../audit/entry.ts';
import { openPatientImport } from '../tenants/open-patient-import.ts';
import { type OpenPractice, openPractice } from '../testing/open-practice.ts';
import { settleSync } from './settle-run.ts';
import { active, claimRun, finish, NO_NAMES } from './sync-run.fixture.ts';
import { writeSyncPage } from './write-page.ts';
import { writeSyncNames } from './write-sync-names.ts';

const PATIENCE = { timeout: 15_000, interval: 20 };

let practice: OpenPractice;
beforeAll(async () => {
  practice = await openPractice();
  // Whatever the server's own is.
  await practice.owner.pool.query('ALTER TABLE patients ALTER COLUMN mrn TYPE text COLLATE "en-x-icu"');
});
afterAll(() => practice.close());

const sql = async (text: string, values: unknown[] = []) =>
  (await practice.owner.pool.query(text, values)).rows;
const deadlocks = async () =>
  (await sql('SELECT deadlocks::int AS n FROM pg_stat_database WHERE datname = current_database()'))[0]?.n;

type Meeting = { stored: string[]; listed: string[]; between: string; order: string };

/** Reads a whole list in which every MRN has another id than the stored one. */
async function untilSettling({ stored, listed, between }: Meeting) {
  await sql('DELETE FROM jobs');
  await sql('DELETE FROM sync_runs');
  await sql('DELETE FROM patients');
  await sql('UPDATE connections SET full_synced_at = NULL');
  await sql(
    `INSERT INTO patients (user_id, mrn, emr_patient_id, source) SELECT $1, mrn, 'old', 'sync' FROM unnest($2::text[]) AS given (mrn)`,
    [practice.userId, [...stored, between]],
  );
  const { claim, connection } = await claimRun(practice);
  await writeSyncNames(practice, { claim, version: connection.version, lists: NO_NAMES });
  const patients = listed.map((mrn) => active(mrn, `sync-${mrn}`));
  const page = { patients, unreadable: 0, next: null, watermark: null };
  await writeSyncPage(practice, { claim, kind: 'full', ...page });
  return claim;
}

const importAll = (mrns: string[]) =>
  openPatientImport(practice, { userId: practice.userId, publicId: practice.publicId }, async (one) => {
    await one.stage(mrns.map((mrn, line) => ({ line, mrn, emrPatientId: `file-${mrn}` })));
    return one.settle({ write: true, allowChanges: true, by: SYSTEM, leftOut: 0 });
  });

const waiting = async () =>
  (
    await sql(
      `SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    )
  )[0]?.n;

/** The import has the MRNs before `between` when it waits for that one; the sync then comes to the MRNs before and after it. */
test.each<Meeting>([
  { order: 'a new MRN and a stored one', stored: ['Z'], listed: ['A', 'Z'], between: 'N' },
  {
    order: 'MRNs that most collations sort in another order',
    stored: ['a', 'B'],
    listed: ['a', 'B'],
    between: 'N',
  },
])(
  'an import that changes ids, and a sync, never wait for each other in a circle: $order',
  async (meeting) => {
    const before = await deadlocks();
    const claim = await untilSettling(meeting);
    const blocker = await practice.owner.pool.connect();
    try {
      await blocker.query('BEGIN');
      await blocker.query('SELECT FROM patients WHERE mrn = $1 FOR UPDATE', [meeting.between]);
      const importing = importAll([...meeting.listed, meeting.between]);
      await expect.poll(waiting, PATIENCE).toBe(1);
      const settling = finish(() => settleSync(practice, { claim }));
      await expect.poll(waiting, PATIENCE).toBe(2);
      await blocker.query('COMMIT');
      expect([(await importing).outcome, await settling]).toEqual(['settled', 'ended']);
    } finally {
      blocker.release(true);
    }
    // The file came first: the sync finds that what it decided about has changed.
    expect(await sql('SELECT mrn, emr_patient_id AS id FROM patients ORDER BY mrn COLLATE "C"')).toEqual(
      [...meeting.listed, meeting.between].sort().map((mrn) => ({ mrn, id: `file-${mrn}` })),
    );
    expect(await deadlocks()).toBe(before);
  },
  60_000,
);
