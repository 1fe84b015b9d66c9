import { Readable } from 'node:stream';
import { createUser } from '@emr-payments/db';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { openService, type Service } from '../testing/service.ts';
import { PatientsFileError } from './file-error.ts';
import { type ImportReport, importFile, LISTED_BAD_ROWS } from './import-file.ts';

const connection = { adapter: 'fhir-r5', baseUrl: 'https://emr.test/fhir', settings: {} };

let service: Service;
let user: { id: number; publicId: string };

beforeAll(async () => {
  service = await openService();
});
beforeEach(async () => {
  const { userId, publicId } = await createUser(service, { clientPk: service.clientPk, name: 'Front desk' });
  user = { id: userId, publicId };
});
afterAll(() => service.close());

type Options = Partial<Pick<Parameters<typeof importFile>[1], 'allowChanges' | 'dryRun' | 'onProgress'>>;

const tryText = (text: string, options: Options = {}) =>
  importFile(service, {
    stream: Readable.from([Buffer.from(text)]),
    user: { ...user, connection },
    by: service.by,
    allowChanges: false,
    dryRun: false,
    ...options,
  });
async function importText(text: string, options?: Options): Promise<ImportReport> {
  const outcome = await tryText(text, options);
  if (outcome.outcome !== 'imported') throw new Error(outcome.outcome);
  return outcome;
}
const rows = () =>
  service.database.prisma.patient.findMany({ where: { userId: user.id }, orderBy: { mrn: 'asc' } });
const stored = async () => Object.fromEntries((await rows()).map((row) => [row.mrn, row.emrPatientId]));
const audited = async () =>
  (await service.audited()).filter(({ subject }) => subject === `patients:${user.publicId}`);

const H = 'mrn,emr_patient_id\n';
const NOTHING = {
  ...{ outcome: 'imported', dryRun: false, added: 0, changed: 0, unchanged: 0, repeated: 0, heldBack: 0 },
  ...{ bad: 0, badRows: [], changes: [], sharedIds: { count: 0, lines: [] } },
};

test('adds rows; unchanged ones are not written again', async () => {
  expect(await importText(`${H}M1,p1\n"M,2",p2\nM3,p3\n`)).toEqual({ ...NOTHING, added: 3 });
  const before = await rows();
  expect(await importText(`${H}M1,Patient/p1\nM4,p4\n`)).toEqual({ ...NOTHING, added: 1, unchanged: 1 });
  // Patients that are not in the file stay as they are.
  expect(await stored()).toEqual({ 'M,2': 'p2', M1: 'p1', M3: 'p3', M4: 'p4' });
  expect((await rows()).filter(({ mrn }) => mrn !== 'M4')).toEqual(before);
  const none = { changed: 0, left_out: 0, held_back: 0 };
  expect((await audited()).map(({ actor, detail }) => [actor, detail])).toEqual([
    ['cli:alice', { added: 3, unchanged: 0, ...none }],
    ['cli:alice', { added: 1, unchanged: 1, ...none }],
  ]);
});

test('a row that would replace a stored id is held back and listed, and written when changes are allowed', async () => {
  await importText(`${H}M1,p1\nM2,p2\nM3,p3\n`);
  const text = `${H}M4,p4\nM2,other\nM1,another\nM3,p3\n`;
  const changes = [
    { line: 3, mrn: 'M2', stored: 'p2', given: 'other' },
    { line: 4, mrn: 'M1', stored: 'p1', given: 'another' },
  ];
  expect(await importText(text)).toEqual({ ...NOTHING, added: 1, unchanged: 1, heldBack: 2, changes });
  expect(await stored()).toEqual({ M1: 'p1', M2: 'p2', M3: 'p3', M4: 'p4' });

  const allowed = await importText(text, { allowChanges: true });
  expect(allowed).toEqual({ ...NOTHING, changed: 2, unchanged: 2, changes });
  expect(await stored()).toEqual({ M1: 'another', M2: 'other', M3: 'p3', M4: 'p4' });
  expect((await audited()).map(({ detail }) => detail).slice(1)).toEqual([
    { added: 1, changed: 0, unchanged: 1, left_out: 0, held_back: 2 },
    { added: 0, changed: 2, unchanged: 2, left_out: 0, held_back: 0 },
  ]);
});

test('a stored MRN without an id gets its first one without asking', async () => {
  await service.database.prisma.patient.create({ data: { userId: user.id, mrn: 'M1' } });
  expect(await importText(`${H}M1,p1\n`)).toEqual({ ...NOTHING, added: 1 });
  expect(await stored()).toEqual({ M1: 'p1' });
});

test('a patient whose record was closed becomes an active one of the file', async () => {
  await service.database.prisma.patient.createMany({
    data: [
      { userId: user.id, mrn: 'M1', state: 'closed', source: 'sync' },
      { userId: user.id, mrn: 'M2', emrPatientId: 'p2', source: 'lookup' },
    ],
  });
  expect(await importText(`${H}M1,p1\nM2,p3\n`, { allowChanges: true })).toMatchObject({
    added: 1,
    changed: 1,
  });
  expect((await rows()).map(({ mrn, state, source }) => [mrn, state, source])).toEqual([
    ['M1', 'active', 'import'],
    ['M2', 'active', 'import'],
  ]);
});

test('of an MRN whose rows do not agree, none is written, and each is named', async () => {
  await importText(`${H}M5,p5\n`);
  const text = `${H}M1,p1\nM2,p2\nM1,p9\nM3,p3\nM3,p3\nM4,p4\nM4,#REF!\nM5,p5\nM5,p6\n M1 ,p1\n`;
  const problem = (lines: string) =>
    `the rows of its mrn do not agree on a usable emr_patient_id: lines ${lines}`;
  expect(await importText(text, { allowChanges: true })).toEqual({
    ...NOTHING,
    added: 2,
    repeated: 1,
    bad: 7,
    badRows: [
      { line: 2, problem: problem('2, 4, 11') },
      { line: 4, problem: problem('2, 4, 11') },
      { line: 7, problem: problem('7, 8') },
      { line: 8, problem: "emr_patient_id is a spreadsheet's error value" },
      { line: 9, problem: problem('9, 10') },
      { line: 10, problem: problem('9, 10') },
      { line: 11, problem: problem('2, 4, 11') },
    ],
  });
  expect(await stored()).toEqual({ M2: 'p2', M3: 'p3', M5: 'p5' });
});

test('rows that do not agree are found however far apart they are, and in any order of MRNs', async () => {
  const lines = Array.from({ length: 12_345 }, (_, n) => `M${n},p${n}`);
  const progress: number[] = [];
  const text = `${H}M7,other\n${lines.join('\n')}\nM12000,other\n`;
  const report = await importText(text, { onProgress: (n) => progress.push(n) });
  expect(report).toMatchObject({ added: 12_343, bad: 4, sharedIds: { count: 1, lines: [2] } });
  expect(report.badRows.map(({ line }) => line)).toEqual([2, 10, 12_003, 12_348]);
  expect(progress).toEqual([5_000, 10_000, 12_347]);
  expect(await rows()).toHaveLength(12_343);
});

test('several MRNs of one patient are written and noted', async () => {
  const shared = { count: 1, lines: [2] };
  expect(await importText(`${H}M1,p1\nM2,p2\nM3,p1\n`)).toEqual({ ...NOTHING, added: 3, sharedIds: shared });
});

test('counts all bad rows, lists the first of them, and imports the others', async () => {
  const bad = Array.from({ length: LISTED_BAD_ROWS + 5 }, () => ',p');
  const report = await importText(`${H}M1,p1\n${bad.join('\n')}\nM2,p2\n`);
  expect(report).toMatchObject({ added: 2, bad: LISTED_BAD_ROWS + 5 });
  expect(report.badRows).toHaveLength(LISTED_BAD_ROWS);
  expect(report.badRows[0]).toEqual({ line: 3, problem: 'mrn is empty' });
  expect(await stored()).toEqual({ M1: 'p1', M2: 'p2' });
});

test('a dry run says the same and writes nothing', async () => {
  await importText(`${H}M1,p1\n`);
  const text = `${H}M1,p9\nM2,p2\n,p3\n`;
  const badRows = [{ line: 4, problem: 'mrn is empty' }];
  const changes = [{ line: 2, mrn: 'M1', stored: 'p1', given: 'p9' }];
  const expected = { ...NOTHING, added: 1, bad: 1, badRows, changes };
  expect(await importText(text, { dryRun: true })).toEqual({ ...expected, dryRun: true, heldBack: 1 });
  const allowed = await importText(text, { dryRun: true, allowChanges: true });
  expect(allowed).toEqual({ ...expected, dryRun: true, changed: 1 });
  expect(await stored()).toEqual({ M1: 'p1' });
  expect(await audited()).toHaveLength(1);
  expect(await importText(text, { allowChanges: true })).toEqual({ ...expected, changed: 1 });
});

test('a file that turns out to be unusable at its end has written nothing', async () => {
  const lines = Array.from({ length: 12_000 }, (_, n) => `M${n},p${n}`);
  const importing = importText(`${H}${lines.join('\n')}\nM1,"p1\n`);
  await expect(importing).rejects.toThrow(PatientsFileError);
  expect(await rows()).toEqual([]);
  expect(await audited()).toEqual([]);
});

test('a file without a record, and a user without a connection, have outcomes of their own', async () => {
  expect(await tryText(H)).toEqual({ outcome: 'no_record' });
  expect(await tryText(`${H}\n ,\n`)).toEqual({ outcome: 'no_record' });
  const stream = Readable.from([Buffer.from(`${H}M1,p1\n`)]);
  const alone = {
    stream,
    user: { ...user, connection: null },
    by: service.by,
    allowChanges: false,
    dryRun: false,
  };
  expect(await importFile(service, alone)).toEqual({ outcome: 'no_connection' });
});

test('of two imports at the same time, one writes', async () => {
  const { pool } = service.database;
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    await client.query('SELECT pg_advisory_xact_lock(1885434985, $1)', [user.id]);
    expect(await tryText(`${H}M1,p1\n`)).toEqual({ outcome: 'busy' });
    await client.query('COMMIT');
  } finally {
    client.release();
  }
  expect(await tryText(`${H}M1,p1\n`)).toMatchObject({ added: 1 });
});

test('a stored id that another program writes meanwhile is not replaced', async () => {
  const { pool } = service.database;
  const client = await pool.connect();
  const waiting = async () => {
    const text =
      "SELECT count(*)::int AS n FROM pg_stat_activity WHERE wait_event = 'transactionid' AND datname = $1";
    // Within a transaction the view would be read once only.
    await client.query('SELECT pg_stat_clear_snapshot()');
    // On the connection that holds the row: the pool has two, and the import waits on the other.
    return (await client.query<{ n: number }>(text, [new URL(service.url).pathname.slice(1)])).rows[0]?.n;
  };
  try {
    await client.query('BEGIN');
    const text = 'INSERT INTO patients (user_id, mrn, emr_patient_id) VALUES ($1, $2, $3)';
    await client.query(text, [user.id, 'M1', 'theirs']);
    const importing = tryText(`${H}M1,ours\nM2,p2\n`);
    await expect.poll(waiting, { timeout: 20_000, interval: 20 }).toBe(1);
    await client.query('COMMIT');
    expect(await importing).toEqual({ outcome: 'busy' });
  } finally {
    client.release();
  }
  expect(await stored()).toEqual({ M1: 'theirs' });
});
