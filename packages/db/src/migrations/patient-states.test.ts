import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type OpenPractice, openPractice } from '../testing/open-practice.ts';

let practice: OpenPractice;
beforeAll(async () => {
  practice = await openPractice();
});
afterAll(() => practice.close());

const sql = async (text: string, values: unknown[] = []) =>
  (await practice.database.pool.query(text, values)).rows;

beforeEach(() => sql('DELETE FROM patients'));

const put = (mrn: string, state: string, id: string | null = null) =>
  sql(
    `INSERT INTO patients (user_id, mrn, emr_patient_id, state, source) VALUES ($1, $2, $3, $4::patient_state, 'sync')`,
    [practice.userId, mrn, id, state],
  );
const rows = () => sql('SELECT mrn, emr_patient_id AS id, state, source FROM patients ORDER BY mrn');

test('nobody but a patient who is active has an id, and what is written stays as it is', async () => {
  await put('A', 'active', 'p1');
  await put('C', 'closed');
  for (const [set, mrn] of [
    [`state = 'closed'`, 'A'],
    [`state = 'ambiguous', emr_patient_id = 'p2'`, 'C'],
  ])
    await expect(sql(`UPDATE patients SET ${set} WHERE mrn = $1`, [mrn])).rejects.toMatchObject({
      constraint: 'patients_only_active_has_id',
    });
  await expect(put('D', 'closed', 'p3')).rejects.toMatchObject({ constraint: 'patients_only_active_has_id' });
  await sql(`UPDATE patients SET state = 'active', emr_patient_id = 'p4', source = 'lookup' WHERE mrn = 'C'`);
  await sql(`UPDATE patients SET synced_at = now() WHERE mrn = 'A'`);
  expect(await rows()).toEqual([
    { mrn: 'A', id: 'p1', state: 'active', source: 'sync' },
    { mrn: 'C', id: 'p4', state: 'active', source: 'lookup' },
  ]);
});
