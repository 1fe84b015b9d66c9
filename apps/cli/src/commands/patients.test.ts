import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient, createUser, saveConnection } from '@emr-payments/db';
import { parseKeyring } from '@emr-payments/runtime';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { type Operator, openOperator } from '../testing/operator.ts';
import { startProcess } from '../testing/run-cli.ts';

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
  await connect(user.userId);
});
afterAll(async () => {
  await operator.close();
  await rm(folder, { recursive: true });
});

async function connect(userId: number): Promise<void> {
  const { database, env } = operator;
  await saveConnection(
    { database, keyring: parseKeyring(env.ENCRYPTION_KEYS ?? '') },
    {
      ...{ userId, adapter: 'fhir-r5', baseUrl: 'https://emr.test/fhir', credentials: {} },
      ...{ timeZone: 'UTC', concurrency: 1 },
    },
  );
}

async function importText(content: string | Buffer, args: string[] = ['--json']) {
  const file = join(folder, 'patients.csv');
  await writeFile(file, content);
  return operator.run(['patients', 'import', file, '--user', user.publicId, ...args]);
}

const stored = async (): Promise<Record<string, string | null>> => {
  const rows = await operator.database.prisma.patient.findMany({ where: { userId: user.userId } });
  return Object.fromEntries(rows.map((row) => [row.mrn, row.emrPatientId]));
};

test('imports a file, and says what it did to people and to programs', async () => {
  const shown = await importText('mrn,emr_patient_id\r\nM1,p1\r\n"M,2",p2\r\n', []);
  expect(shown).toMatchObject({
    code: 0,
    stdout: '2 added, 0 changed, 0 unchanged, 0 left out\n',
    stderr: '',
  });
  expect(await stored()).toEqual({ M1: 'p1', 'M,2': 'p2' });
  const again = await importText('mrn,emr_patient_id\nM1,p1\n"M,2",p2\n"M,2",p2\nM3,p2\n');
  expect(again.json()).toEqual({
    dry_run: false,
    ...{ added: 1, changed: 0, unchanged: 2, repeated: 1, left_out: 0, held_back: 0 },
    ...{ bad_rows: [], changes: [], shared_ids: { count: 1, lines: [3] } },
  });
  expect(again.code).toBe(0);
});

test('a row that would replace a stored id is shown with both ids, and needs --allow-changes', async () => {
  await importText('mrn,emr_patient_id\nM1,p1\nM2,p2\n');
  const text = 'mrn,emr_patient_id\nM1,another\nM2,p2\nM3,p3\n';
  const table = ['line  mrn  stored  in the file', '2     M1   p1      another'];
  const shown = async (...args: string[]) => {
    const { code, stdout } = await importText(text, args);
    return { code, lines: stdout.trimEnd().split('\n') };
  };
  expect(await shown('--dry-run')).toEqual({
    code: 1,
    lines: [
      'dry run, nothing is written: 1 added, 0 changed, 1 unchanged, 0 left out, 1 held back',
      'Not written, because they would replace a stored EMR patient id; check them, then use --allow-changes:',
      ...table,
    ],
  });
  expect(await stored()).toEqual({ M1: 'p1', M2: 'p2' });
  expect(await shown()).toMatchObject({
    code: 1,
    lines: { 0: '1 added, 0 changed, 1 unchanged, 0 left out, 1 held back' },
  });
  expect(await stored()).toEqual({ M1: 'p1', M2: 'p2', M3: 'p3' });
  expect(await shown('--allow-changes')).toEqual({
    code: 0,
    lines: [
      '0 added, 1 changed, 2 unchanged, 0 left out',
      'These replaced a stored EMR patient id:',
      ...table,
    ],
  });
  expect(await stored()).toEqual({ M1: 'another', M2: 'p2', M3: 'p3' });
});

test('bad rows are listed by line, and make the exit code 1', async () => {
  const bad = Array.from({ length: 22 }, () => ',p');
  const content = `mrn,emr_patient_id\nM1,p1\n${bad.join('\n')}\n`;
  const ended = await importText(content, []);
  expect(ended).toMatchObject({ code: 1, stderr: '' });
  const lines = ended.stdout.trim().split('\n');
  expect(lines[0]).toBe('1 added, 0 changed, 0 unchanged, 22 left out');
  expect(lines[1]).toBe('line 3: mrn is empty');
  expect(lines).toHaveLength(22);
  expect(lines.at(-1)).toBe('… and 2 more');
  const asJson = await importText(content);
  expect(asJson.json<{ bad_rows: unknown[] }>().bad_rows).toHaveLength(22);
});

test('takes the standard input', async () => {
  const ended = await operator.run(['patients', 'import', '-', '--user', user.publicId, '--json'], {
    input: 'mrn,emr_patient_id\nM1,p1\n',
  });
  expect(ended.json()).toMatchObject({ added: 1, left_out: 0 });
  expect(await stored()).toEqual({ M1: 'p1' });
});

test('a run that is killed half-way has written nothing', { timeout: 180_000 }, async () => {
  const rows = Array.from({ length: 12_345 }, (_, n) => `M${n},p${n}`);
  const stopped = startProcess(['patients', 'import', '-', '--user', user.publicId], operator.env);
  stopped.stdin.write(`mrn,emr_patient_id\n${rows.slice(0, 12_000).join('\n')}\n`);
  // The staged rows are visible to their own connection only; the last statement of each connection is visible to all.
  const staged = async () => {
    const { rows: found } = await operator.database.pool.query(
      "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle' AND query LIKE '%INSERT INTO staged_patients%'",
    );
    return found.length;
  };
  await vi.waitFor(async () => expect(await staged()).toBe(1), { timeout: 60_000, interval: 50 });
  stopped.kill('SIGKILL');
  await once(stopped, 'exit');
  expect(await stored()).toEqual({});
  const again = await importText(`mrn,emr_patient_id\n${rows.join('\n')}\n`);
  expect(again.json()).toMatchObject({ added: 12_345, unchanged: 0 });
});

test('a file that cannot be used changes nothing', async () => {
  expect(await importText('M1,p1\n', [])).toMatchObject({
    code: 1,
    stderr: 'The first line must name the columns: mrn,emr_patient_id\n',
  });
  expect(await importText('', [])).toMatchObject({ code: 1, stderr: 'The file is empty.\n' });
  const missing = await operator.run(['patients', 'import', join(folder, 'no'), '--user', user.publicId]);
  expect(missing).toMatchObject({ code: 1, stderr: 'The file cannot be read (ENOENT).\n' });
  expect(await importText('mrn,emr_patient_id\n', [])).toMatchObject({
    code: 1,
    stderr: 'The file has no patient: nothing follows the line that names the columns.\n',
  });
  expect(await importText('mrn,emr_patient_id\nM1,p1\n"M2,p2\n', [])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('line 3 has a quotation mark that is never closed'),
  });
  const { database } = operator;
  const { clientPk } = await createClient({ database }, { name: 'Integrator' });
  const alone = await createUser({ database }, { clientPk, name: 'Not connected' });
  const refused = await operator.run(['patients', 'import', '-', '--user', alone.publicId]);
  expect(refused).toMatchObject({ code: 4, stderr: expect.stringContaining('no EMR connection') });
  expect(await operator.run(['patients', 'import', folder, '--user', 'user_nobody'])).toMatchObject({
    code: 3,
  });
  expect(await operator.run(['patients', 'import', 'x.csv'])).toMatchObject({ code: 2 });
  expect(await stored()).toEqual({});
});
