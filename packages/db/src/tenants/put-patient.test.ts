import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type OpenPractice, openPractice } from '../testing/open-practice.ts';
import { createPractice } from '../testing/practice.ts';
import { whileChanged } from '../testing/while-changed.ts';
import { findConnection } from './find-connection.ts';
import { findPatient } from './find-patient.ts';
import { putPatient } from './put-patient.ts';

let practice: OpenPractice;
beforeAll(async () => {
  practice = await openPractice();
});
afterAll(() => practice.close());

const sql = async (text: string) => (await practice.database.pool.query(text)).rows;
beforeEach(() => sql('DELETE FROM patients'));

type Owner = { userId: number; publicId: string };
async function put(mrn: string, emrPatientId: string, { userId, publicId }: Owner = practice) {
  const connection = await findConnection(practice, { userId });
  return putPatient(practice, {
    ...{ userId, publicId, mrn, emrPatientId, connectionVersion: connection?.version ?? '' },
    by: { actor: 'client:c1', source: '127.0.0.1' },
  });
}
const entries = async () =>
  (await sql(`SELECT count(*)::int AS n FROM audit_log WHERE action = 'patients.put'`))[0]?.n;

test('a patient is stored once, with one entry, and one that is stored already is left alone', async () => {
  const before = await entries();
  expect((await put('A', 'p1')).outcome).toBe('added');
  const [written] = await sql('SELECT xmin FROM patients');
  expect((await put('A', 'p1')).outcome).toBe('unchanged');
  expect(await sql('SELECT xmin FROM patients')).toEqual([written]);
  expect((await put('A', 'p2')).outcome).toBe('changed');
  expect(await entries()).toBe(before + 2);
});

test('another user’s patient with the same MRN is neither read nor written', async () => {
  const other = await createPractice(practice, { endpoint: null });
  await sql('DELETE FROM patients');
  await put('A', 'p1', other);
  expect((await put('A', 'p1')).outcome).toBe('added');
  await put('A', 'p2');
  expect(await findPatient(practice, { userId: other.userId, mrn: 'A' })).toMatchObject({
    emrPatientId: 'p1',
  });
});

test('over a connection that was changed since the id was read nothing is stored', async () => {
  const { userId, publicId } = practice;
  const before = await entries();
  const { version = '' } = (await findConnection(practice, { userId })) ?? {};
  await sql(`UPDATE connections SET updated_at = updated_at + interval '1 second'`);
  const late = await putPatient(practice, {
    ...{ userId, publicId, mrn: 'A', emrPatientId: 'p1', connectionVersion: version },
    by: { actor: 'client:c1', source: '127.0.0.1' },
  });
  expect([late, await findPatient(practice, { userId, mrn: 'A' }), await entries()]).toEqual([
    { outcome: 'replaced' },
    null,
    before,
  ]);
});

test('an id that somebody else is storing at the same time is replaced, and not added', async () => {
  const stored = `INSERT INTO patients (user_id, mrn, emr_patient_id) VALUES (${practice.userId}, 'A', 'p1')`;
  const put2 = await whileChanged(practice.owner, { changes: [stored], work: () => put('A', 'p2') });
  expect(put2).toMatchObject({ outcome: 'changed', patient: { emrPatientId: 'p2' } });
  const [entry] = await sql(
    `SELECT detail FROM audit_log WHERE action = 'patients.put' ORDER BY id DESC LIMIT 1`,
  );
  expect(entry).toEqual({ detail: { stored: 'changed' } });
});
