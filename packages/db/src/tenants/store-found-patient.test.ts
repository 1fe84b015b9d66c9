import { randomBytes } from 'node:crypto';
import { parseKeyring } from '@emr-payments/runtime';
import { openTestDatabase, type TestDatabase } from '@emr-payments/testkit';
import { Client } from 'pg';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { type Database, openDatabase } from '../core/database.ts';
import { createPractice, type Practice } from '../testing/practice.ts';
import { findConnection } from './find-connection.ts';
import { saveConnection } from './save-connection.ts';
import { type FoundPatient, storeFoundPatient } from './store-found-patient.ts';

let server: TestDatabase;
let database: Database;
let practice: Practice;
const keyring = parseKeyring(`k1:${randomBytes(32).toString('base64')}`);

beforeAll(async () => {
  server = await openTestDatabase();
  database = openDatabase({ url: server.appUrl, poolSize: 2, applicationName: 'test' });
});
beforeEach(async () => {
  practice = await createPractice({ database, keyring }, { endpoint: null });
});
afterAll(async () => {
  await database.close();
  await server.drop();
});

async function found(change: Partial<FoundPatient> = {}): Promise<FoundPatient> {
  const connection = await findConnection({ database }, practice);
  return {
    ...{ userId: practice.userId, publicId: practice.publicId, mrn: 'MRN-1', emrPatientId: 'p9' },
    connectionVersion: connection?.version ?? '',
    ...{ allowChanges: false, write: true, by: { actor: 'cli:alice', source: 'desk-1' } },
    ...change,
  };
}
const store = async (change: Partial<FoundPatient> = {}) =>
  storeFoundPatient({ database }, await found(change));

const idOf = async (mrn: string, { userId } = practice) =>
  (await database.prisma.patient.findUnique({ where: { userId_mrn: { userId, mrn } } }))?.emrPatientId;

const audited = () =>
  database.prisma.auditEntry.findMany({
    where: { subject: `patients:${practice.publicId}`, action: 'patients.find' },
    select: { actor: true, detail: true },
  });

test('a new MRN and one without an id are written, and a stored id only when changes are allowed', async () => {
  expect(await store({ mrn: 'MRN-3', write: false })).toEqual({ outcome: 'added', stored: null });
  expect(await idOf('MRN-3')).toBeUndefined();
  expect(await store({ mrn: 'MRN-3' })).toEqual({ outcome: 'added', stored: null });
  expect(await store({ mrn: 'MRN-3' })).toEqual({ outcome: 'unchanged', stored: 'p9' });
  expect(await store({ mrn: 'MRN-2' })).toEqual({ outcome: 'added', stored: null });
  expect(await store()).toEqual({ outcome: 'held_back', stored: 'p1' });
  expect(await store({ allowChanges: true, write: false })).toEqual({ outcome: 'changed', stored: 'p1' });
  expect([await idOf('MRN-1'), await idOf('MRN-2'), await idOf('MRN-3')]).toEqual(['p1', 'p9', 'p9']);
  expect(await store({ allowChanges: true })).toEqual({ outcome: 'changed', stored: 'p1' });
  expect(await idOf('MRN-1')).toBe('p9');
  const entries = await audited();
  expect(entries).toHaveLength(7);
  expect(JSON.stringify(entries)).not.toMatch(/MRN|p9|p1/);
});

test('a record that was closed gets its id back, and says that a look-up wrote it', async () => {
  const { userId } = practice;
  await database.prisma.patient.create({ data: { userId, mrn: 'MRN-4', state: 'closed', source: 'sync' } });
  expect(await store({ mrn: 'MRN-4' })).toEqual({ outcome: 'added', stored: null });
  const rows = await database.prisma.patient.findMany({ where: { userId }, orderBy: { mrn: 'asc' } });
  expect(rows.map(({ mrn, state, source }) => [mrn, state, source])).toEqual([
    ['MRN-1', 'active', 'import'],
    ['MRN-2', 'active', 'import'],
    ['MRN-4', 'active', 'lookup'],
  ]);
});

test("another user's patient with the same MRN stays as it is", async () => {
  const other = await createPractice({ database, keyring }, { endpoint: null });
  await store({ allowChanges: true });
  expect([await idOf('MRN-1'), await idOf('MRN-1', other)]).toEqual(['p9', 'p1']);
});

test('what was found over a connection that was replaced meanwhile is not stored', async () => {
  const { connectionVersion } = await found();
  await saveConnection(
    { database, keyring },
    {
      ...{ userId: practice.userId, adapter: 'fhir-r5', baseUrl: 'http://127.0.0.1:2', credentials: {} },
      ...{ timeZone: 'America/New_York', concurrency: 4 },
    },
  );
  const late = await store({ mrn: 'MRN-3', connectionVersion });
  expect(late).toEqual({ outcome: 'replaced' });
  expect(await idOf('MRN-3')).toBeUndefined();
});

test('of two programs that store the same MRN at once, the second replaces nothing', async () => {
  const other = new Client({ connectionString: server.url });
  await other.connect();
  try {
    await other.query('BEGIN');
    await other.query('INSERT INTO patients (user_id, mrn, emr_patient_id) VALUES ($1, $2, $3)', [
      practice.userId,
      'MRN-3',
      'p8',
    ]);
    const stored = store({ mrn: 'MRN-3' });
    await vi.waitFor(
      async () => {
        const { rows } = await other.query(
          `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
        );
        expect(rows).toHaveLength(1);
      },
      { timeout: 20_000 },
    );
    await other.query('COMMIT');
    expect(await stored).toEqual({ outcome: 'busy' });
    expect(await idOf('MRN-3')).toBe('p8');
  } finally {
    await other.end();
  }
});
