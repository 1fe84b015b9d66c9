import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type SandboxProcess, startSandbox } from '@emr-payments/testkit';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { newKey, type Operator, openOperator } from '../testing/operator.ts';

let operator: Operator;
let sandbox: SandboxProcess;
let folder: string;
let clientId: string;
let user: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'emr-payments-find-'));
  [operator, sandbox] = await Promise.all([
    openOperator(),
    startSandbox({ ledgerFile: join(folder, 'ledger.jsonl'), env: { SANDBOX_TOKEN: 'sesame' } }),
  ]);
  clientId = (await operator.ask<{ client_id: string }>(['client', 'create', 'Integrator'])).client_id;
});
beforeEach(async () => {
  user = await connect({ mrn_field: 'ChartNumber' });
});
afterAll(async () => {
  await sandbox.stop();
  await operator.close();
  await rm(folder, { recursive: true });
});

async function connect(
  settings: Record<string, string>,
  { adapter = 'open-dental', path = '/open-dental/api/v1', credentials = {} } = {},
): Promise<string> {
  const keys = { developer_key: 'developer', customer_key: 'sesame' };
  const { user_id } = await operator.ask<{ user_id: string }>(
    [
      ...['user', 'connect', '--client', clientId, '--name', 'Dentist', '--time-zone', 'America/New_York'],
      ...['--adapter', adapter, '--base-url', `${sandbox.baseUrl}${path}`, '--no-check'],
      // The vendor's limit would make each call wait for the one before.
      ...(adapter === 'open-dental' ? ['--setting', 'calls_per_minute=0'] : []),
      ...Object.entries(settings).flatMap(([name, value]) => ['--setting', `${name}=${value}`]),
      ...['--credentials', '-'],
    ],
    { input: JSON.stringify(adapter === 'open-dental' ? { ...keys, ...credentials } : credentials) },
  );
  return user_id;
}

/** A person at the office changes a patient. */
async function change(patNum: number, body: object): Promise<void> {
  const answer = await fetch(`${sandbox.baseUrl}/sandbox/open-dental/patients/${patNum}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  expect(answer.status).toBe(200);
}

const find = (mrn: string, ...args: string[]) =>
  operator.run(['patients', 'find', '--user', user, '--mrn', mrn, ...args]);

const stored = async () => {
  const where = { user: { publicId: user } };
  const rows = await operator.database.prisma.patient.findMany({ where });
  return Object.fromEntries(rows.map((row) => [row.mrn, row.emrPatientId]));
};
const audited = async () =>
  (await operator.audited())
    .filter(({ subject }) => subject === `patients:${user}`)
    .map(({ action, detail }) => [action, detail]);

test('the one patient of a chart number is stored, once, with an entry in the audit log that has no MRN', async () => {
  const data = { user_id: user, mrn: 'MRN-12346', emr_patient_id: '2', stored_before: null, dry_run: false };
  const dry = await find('MRN-12346', '--dry-run');
  expect(dry).toMatchObject({
    code: 0,
    stdout: 'dry run, nothing is written: added EMR patient id 2\n',
    stderr: '',
  });
  expect(await stored()).toEqual({});
  expect((await find(' MRN-12346 ', '--json')).json()).toEqual({ ...data, stored: 'added' });
  expect(await stored()).toEqual({ 'MRN-12346': '2' });
  expect(await find('MRN-12346')).toMatchObject({ code: 0, stdout: 'unchanged EMR patient id 2\n' });
  expect(await audited()).toEqual([
    ['patients.find', { found: 'added', dry_run: true }],
    ['patients.find', { found: 'added', dry_run: false }],
    ['patients.find', { found: 'unchanged', dry_run: false }],
  ]);
});

test('a stored id is replaced only with --allow-changes, as by an import', async () => {
  await operator.ask(['patients', 'import', '-', '--user', user], {
    input: 'mrn,emr_patient_id\nMRN-12347,77\n',
  });
  const held = await find('MRN-12347', '--json');
  expect(held.code).toBe(1);
  expect(held.json()).toMatchObject({ stored: 'held_back', stored_before: '77', emr_patient_id: '3' });
  expect(await stored()).toEqual({ 'MRN-12347': '77' });
  expect(await find('MRN-12347', '--allow-changes', '--dry-run')).toMatchObject({ code: 0 });
  expect(await stored()).toEqual({ 'MRN-12347': '77' });
  expect(await find('MRN-12347', '--allow-changes')).toMatchObject({
    code: 0,
    stdout: 'changed EMR patient id 3, which was 77\n',
  });
  expect(await stored()).toEqual({ 'MRN-12347': '3' });
});

test('an MRN that is stored without an id gets its first one without asking', async () => {
  const { id: userId } = await operator.database.prisma.user.findUniqueOrThrow({ where: { publicId: user } });
  await operator.database.prisma.patient.create({ data: { userId, mrn: 'MRN-12346' } });
  expect(await find('MRN-12346')).toMatchObject({ code: 0, stdout: 'added EMR patient id 2\n' });
  expect(await stored()).toEqual({ 'MRN-12346': '2' });
});

test('none, several and a closed record store nothing, and each says what to do', async () => {
  await change(4, { ChartNumber: 'TWICE' });
  await change(5, { ChartNumber: 'TWICE' });
  await change(1, { ChartNumber: 'GONE', PatStatus: 'Archived' });
  expect(await find('MRN-1234')).toMatchObject({
    code: 3,
    stdout: '',
    stderr: 'No patient of the EMR has exactly this MRN, upper and lower case included.\n',
  });
  expect(await find('mrn-12346')).toMatchObject({ code: 3 });
  expect(await find('TWICE')).toMatchObject({
    code: 4,
    stderr: expect.stringContaining('Several patients of the EMR have this MRN. Nothing was stored.'),
  });
  const closed = await find('GONE', '--json');
  expect(closed).toMatchObject({ code: 4 });
  expect(closed.json<{ error: { code: string; message: string } }>().error).toMatchObject({
    code: 'refused',
    message: expect.stringMatching(/^The patient is archived in the EMR, .*Nothing was stored\./),
  });
  expect(await stored()).toEqual({});
  expect((await audited()).map(([, detail]) => detail)).toEqual(
    ['none', 'none', 'several', 'closed'].map((found) => ({ found, dry_run: false })),
  );
});

test('what the EMR did not answer is not known, and none of its words are shown', async () => {
  const fault = { kind: 'status', status: 500, match: { resource: 'patients' }, count: 1 };
  const answer = await fetch(`${sandbox.baseUrl}/sandbox/faults`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(fault),
  });
  expect(answer.status).toBe(201);
  expect(await find('MRN-12346')).toMatchObject({
    code: 1,
    stderr: 'It is not known who has the MRN: The EMR failed (HTTP 500). (emr_error) Nothing was stored.\n',
  });
  user = await connect({}, { credentials: { customer_key: 'wrong-key-4711' } });
  const rejected = await find('1');
  expect(rejected).toMatchObject({ code: 1, stderr: expect.stringContaining('(unauthorized)') });
  expect(rejected.stderr).not.toContain('wrong-key-4711');
  expect(await stored()).toEqual({});
});

test('by PatNum, which is the default, the MRN is the EMR patient id', async () => {
  user = await connect({});
  expect(await find('2')).toMatchObject({ code: 0, stdout: 'added EMR patient id 2\n' });
  expect(await find('99')).toMatchObject({ code: 3 });
  expect(await find('MRN-12346')).toMatchObject({ code: 3 });
  expect(await stored()).toEqual({ '2': '2' });
});

test('by PatNum, a file that gives a PatNum to another patient is refused by line', async () => {
  const text = 'mrn,emr_patient_id\n2,2\n3,4\nMRN-12345,1\n0005,5\n';
  const load = () => operator.run(['patients', 'import', '-', '--user', user, '--json'], { input: text });
  expect((await load()).json()).toMatchObject({ added: 4, left_out: 0 });
  user = await connect({});
  const refused = await load();
  expect(refused.code).toBe(1);
  expect(refused.json()).toMatchObject({
    added: 3,
    left_out: 1,
    bad_rows: [{ line: 3, problem: expect.stringContaining('the mrn is a PatNum, but not the one') }],
  });
  expect(await stored()).toEqual({ '2': '2', 'MRN-12345': '1', '0005': '5' });
});

test('a wrong request is refused before the EMR is asked', async () => {
  expect(await find('')).toMatchObject({ code: 2, stderr: 'The MRN is empty.\n' });
  expect(await find('#N/A')).toMatchObject({ code: 2, stderr: "The MRN is a spreadsheet's error value.\n" });
  expect(await operator.run(['patients', 'find', '--user', user])).toMatchObject({ code: 2 });
  expect(await operator.run(['patients', 'find', '--user', 'user_nobody', '--mrn', '1'])).toMatchObject({
    code: 3,
    stderr: 'There is no user user_nobody.\n',
  });
  const other = await operator.run(['patients', 'find', '--user', user, '--mrn', '1'], {
    env: { ENCRYPTION_KEYS: newKey('k2') },
  });
  expect(other).toMatchObject({ code: 1, stderr: expect.stringContaining('No key in ENCRYPTION_KEYS') });
  user = await connect({}, { adapter: 'candid', path: '/candid', credentials: CANDID });
  expect(await find('MRN-12345')).toMatchObject({
    code: 4,
    stderr: 'The adapter candid cannot search for patients. Import a file (patients import).\n',
  });
  expect(await audited()).toEqual([]);
});
const CANDID = { client_id: 'client-1', client_secret: 'sesame' };
