import { Readable } from 'node:stream';
import { createUser } from '@emr-payments/db';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { openService, type Service } from '../testing/service.ts';
import { importFile, LISTED_BAD_ROWS } from './import-file.ts';

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

const importText = (text: string, onProgress?: (rows: number) => void) =>
  importFile(service, {
    stream: Readable.from([Buffer.from(text)]),
    user,
    by: service.by,
    ...(onProgress === undefined ? {} : { onProgress }),
  });
const rows = () =>
  service.database.prisma.patient.findMany({ where: { userId: user.id }, orderBy: { mrn: 'asc' } });
const stored = async () => Object.fromEntries((await rows()).map((row) => [row.mrn, row.emrPatientId]));

test('adds and changes rows; unchanged ones are not written again', async () => {
  const clean = { bad: 0, badRows: [] };
  expect(await importText('mrn,emr_patient_id\nM1,p1\n"M,2",p2\nM3,p3\n')).toEqual({
    ...{ added: 3, changed: 0, unchanged: 0 },
    ...clean,
  });
  const [before] = await rows();
  expect(await importText('mrn,emr_patient_id\nM1,p1\nM3,new\n')).toEqual({
    ...{ added: 0, changed: 1, unchanged: 1 },
    ...clean,
  });
  // Patients that are not in the file stay as they are.
  expect(await stored()).toEqual({ M1: 'p1', 'M,2': 'p2', M3: 'new' });
  expect((await rows()).find(({ mrn }) => mrn === 'M1')).toEqual({
    ...before,
    mrn: 'M1',
    emrPatientId: 'p1',
  });
  const imports = (await service.audited()).filter(({ subject }) => subject === `patients:${user.publicId}`);
  expect(imports.map(({ actor, detail }) => [actor, detail])).toEqual([
    ['cli:alice', { rows: 3 }],
    ['cli:alice', { rows: 2 }],
  ]);
});

test('imports in batches, and reports the rows after each', async () => {
  const lines = Array.from({ length: 12_345 }, (_, n) => `M${n},p${n}`);
  const progress: number[] = [];
  const report = await importText(`mrn,emr_patient_id\n${lines.join('\n')}\n`, (n) => progress.push(n));
  expect(report).toMatchObject({ added: 12_345, bad: 0 });
  expect(progress).toEqual([5_000, 10_000, 12_345]);
  expect(await rows()).toHaveLength(12_345);
});

test('counts all bad rows, lists the first of them, and imports the others', async () => {
  const bad = Array.from({ length: LISTED_BAD_ROWS + 5 }, () => ',p');
  const report = await importText(`mrn,emr_patient_id\nM1,p1\n${bad.join('\n')}\nM2,p2\n`);
  expect(report).toMatchObject({ added: 2, bad: LISTED_BAD_ROWS + 5 });
  expect(report.badRows).toHaveLength(LISTED_BAD_ROWS);
  expect(report.badRows[0]).toEqual({ line: 3, problem: 'mrn is empty' });
  expect(await stored()).toEqual({ M1: 'p1', M2: 'p2' });
});
