import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient, createUser } from '@emr-payments/db';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { type Operator, openOperator } from '../testing/operator.ts';
import { startCli } from '../testing/run-cli.ts';

let operator: Operator;
let folder: string;
let user: { userId: number; publicId: string };

beforeAll(async () => {
  operator = await openOperator();
  folder = await mkdtemp(join(tmpdir(), 'emr-payments-csv-'));
});
beforeEach(async () => {
  const { database } = operator;
  const { clientPk } = await createClient({ database }, { name: 'Integrator' });
  user = await createUser({ database }, { clientPk, name: 'Front desk' });
});
afterAll(async () => {
  await operator.close();
  await rm(folder, { recursive: true });
});

async function importText(content: string | Buffer, args: string[] = ['--json']) {
  const file = join(folder, 'patients.csv');
  await writeFile(file, content);
  return operator.run(['patients', 'import', file, '--user', user.publicId, ...args]);
}

const stored = async (): Promise<Record<string, string | null>> => {
  const rows = await operator.database.prisma.patient.findMany({ where: { userId: user.userId } });
  return Object.fromEntries(rows.map((row) => [row.mrn, row.emrPatientId]));
};

test('adds, changes and passes over; a second run writes nothing', async () => {
  const first = await importText('\uFEFFmrn,emr_patient_id\r\nM1,p1\r\n "M,2" , p2 \r\n\r\n"M""3",p3\r\n');
  expect(first).toMatchObject({ code: 0, stderr: '' });
  expect(first.json()).toEqual({ added: 3, changed: 0, unchanged: 0, left_out: 0, bad_rows: [] });
  expect(await stored()).toEqual({ M1: 'p1', 'M,2': 'p2', 'M"3': 'p3' });
  const syncedAt = () => operator.database.prisma.patient.findMany({ select: { mrn: true, syncedAt: true } });
  const before = await syncedAt();

  const again = await importText('phone,emr_patient_id,MRN\n1,p1,M1\n2,new,"M""3"\n');
  expect(again.json()).toEqual({ added: 0, changed: 1, unchanged: 1, left_out: 0, bad_rows: [] });
  expect(await stored()).toEqual({ M1: 'p1', 'M,2': 'p2', 'M"3': 'new' });
  const untouched = (await syncedAt()).filter(({ mrn }) => mrn === 'M1');
  expect(before).toEqual(expect.arrayContaining(untouched));

  const third = await importText('mrn,emr_patient_id\nM1,p1\n');
  expect(third.json()).toMatchObject({ added: 0, changed: 0, unchanged: 1 });
  const imports = (await operator.audited()).filter(({ subject }) => subject === `patients:${user.publicId}`);
  expect(imports.map(({ detail }) => detail)).toEqual([{ rows: 3 }, { rows: 2 }]);
});

test('bad rows are named by line and left out; the others are in', async () => {
  const bytes = Buffer.concat([
    Buffer.from('mrn,emr_patient_id\nM1,p1\n,p2\nM3,\nM4\nM5,p5,extra\n"M6,p6\nM7,p7\n'),
    Buffer.from([0x4d, 0xff, 0x2c, 0x70, 0x0a]),
    Buffer.from(`${'M'.repeat(256)},p9\nM\u00079,p\nM10,p10\n`),
  ]);
  const ended = await importText(bytes, []);
  expect(ended).toMatchObject({ code: 1, stderr: '' });
  expect(ended.stdout.trim().split('\n')).toEqual([
    '3 added, 0 changed, 0 already so, 8 left out',
    'line 3: mrn is empty',
    'line 4: emr_patient_id is empty',
    'line 5: it has 1 fields instead of 2',
    'line 6: it has 3 fields instead of 2',
    'line 7: the quotes do not match',
    'line 9: mrn is not UTF-8',
    'line 10: mrn is longer than 255 characters or has control characters',
    'line 11: mrn is longer than 255 characters or has control characters',
  ]);
  expect(await stored()).toEqual({ M1: 'p1', M7: 'p7', M10: 'p10' });
});

test('takes the standard input, and many batches', async () => {
  const rows = Array.from({ length: 12_345 }, (_, n) => `M${n},p${n}`);
  const ended = await operator.run(['patients', 'import', '-', '--user', user.publicId, '--json'], {
    input: `mrn,emr_patient_id\n${rows.join('\n')}\n`,
  });
  expect(ended.json()).toMatchObject({ added: 12_345, left_out: 0 });
  expect(await operator.database.prisma.patient.count({ where: { userId: user.userId } })).toBe(12_345);
});

test('killed half-way it has whole batches, and run again it does the rest', async () => {
  const rows = Array.from({ length: 12_345 }, (_, n) => `M${n},p${n}`);
  const stopped = startCli(['patients', 'import', '-', '--user', user.publicId], operator.env);
  stopped.stdin.write(`mrn,emr_patient_id\n${rows.slice(0, 12_000).join('\n')}\n`);
  const count = () => operator.database.prisma.patient.count({ where: { userId: user.userId } });
  await vi.waitFor(async () => expect(await count()).toBe(10_000), { timeout: 60_000, interval: 50 });
  stopped.kill('SIGKILL');
  await once(stopped, 'exit');
  expect(await count()).toBe(10_000);
  const again = await importText(`mrn,emr_patient_id\n${rows.join('\n')}\n`);
  expect(again.json()).toMatchObject({ added: 2_345, changed: 0, unchanged: 10_000 });
});

test('a file that cannot be used changes nothing', async () => {
  expect(await importText('M1,p1\n', [])).toMatchObject({
    code: 1,
    stderr: 'The first line must name the columns: mrn,emr_patient_id\n',
  });
  expect(await importText('', [])).toMatchObject({ code: 1, stderr: 'The file is empty.\n' });
  const missing = await operator.run(['patients', 'import', join(folder, 'no'), '--user', user.publicId]);
  expect(missing).toMatchObject({ code: 1, stderr: 'The file cannot be read (ENOENT).\n' });
  expect(await operator.run(['patients', 'import', folder, '--user', 'user_nobody'])).toMatchObject({
    code: 3,
  });
  expect(await operator.run(['patients', 'import', 'x.csv'])).toMatchObject({ code: 2 });
  expect(await stored()).toEqual({});
});
