import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type Operator, openOperator } from './testing/operator.ts';
import { openPayments, type PaymentsOfTest, unknownPayment } from './testing/payments.ts';
import { runCli, runCliProcess, runInPipeline } from './testing/run-cli.ts';

// Each command as a process of its own: its environment, its streams and its exit code. All else about the commands is
// tested in commands/, in the process of the test.

// A test starts up to five processes, one after the other, on a machine that may be busy.
vi.setConfig({ testTimeout: 180_000 });

let operator: Operator;
let practice: PaymentsOfTest;
beforeAll(async () => {
  operator = await openOperator();
  practice = await openPayments(operator);
});
afterAll(() => operator.close());

const start = (args: readonly string[], input = '') => runCliProcess(args, { env: operator.env, input });

test('client, user and patients: a practice is set up by processes alone', async () => {
  const client = await start(['client', 'create', 'Front Desk', '--json']);
  expect(client).toMatchObject({ code: 0, stderr: '' });
  const { client_id } = client.json<{ client_id: string }>();
  const connect = ['user', 'connect', '--client', client_id, '--name', 'Main Street', '--no-check', '--json'];
  const user = await start(
    [
      ...connect,
      ...['--adapter', 'fhir', '--base-url', 'http://127.0.0.1:1/fhir', '--time-zone', 'America/New_York'],
      ...['--credentials', '-'],
    ],
    '{"bearer_token": "sesame"}',
  );
  expect(user).toMatchObject({ code: 0, stderr: '' });
  const { user_id } = user.json<{ user_id: string }>();
  const patients = await start(['patients', 'import', '-', '--user', user_id], 'mrn,emr_patient_id\nM1,p1\n');
  expect(patients).toMatchObject({
    code: 0,
    stdout: '1 added, 0 changed, 0 unchanged, 0 left out\n',
    stderr: '',
  });
});

test('payment, event and webhook: dates do not depend on the time zone of the process', async () => {
  const id = await practice.endedPayment('failed');
  const shown = await start(['payment', 'show', id, '--json']);
  expect(shown.json()).toMatchObject({ payment_id: id, deposit_date: '2026-06-15' });
  expect(await start(['payment', 'retry', unknownPayment()])).toMatchObject({ code: 3, stdout: '' });
  expect(await start(['event', 'redeliver', 'evt_nothing'])).toMatchObject({ code: 3, stdout: '' });
  expect(await start(['webhook', 'disable', practice.endpointId])).toMatchObject({ code: 0, stderr: '' });
  expect(await start(['webhook', 'disable', practice.endpointId])).toMatchObject({ code: 4, stdout: '' });
});

test('keys, doctor and audit end by themselves', async () => {
  expect(await start(['keys', 'rotate', '--json'])).toMatchObject({ code: 0, stderr: '' });
  expect(await start(['doctor'])).toMatchObject({ code: 0, stderr: '' });
  expect((await start(['audit', 'list', '--action', 'keys.rotate'])).stdout).toMatch(/ keys:k1 +done /);
});

test('a wrong command line is exit code 2 with one line, help is 0', async () => {
  const wrong = await start(['client']);
  expect(wrong).toEqual({
    code: 2,
    stdout: '',
    stderr: 'The command is not complete; --help lists the commands.\n',
    json: expect.any(Function),
  });
  expect(await start(['--help'])).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('Exit codes: 0 done'),
  });
});

async function clientNamed(name: string): Promise<{ client_id: string } | undefined> {
  const listed = await runCli(['client', 'list', '--json'], { env: operator.env });
  return listed
    .json<{ clients: { client_id: string; name: string }[] }>()
    .clients.find((client) => client.name === name);
}

test('a reader that ends early changes neither what a command does nor its exit code', async () => {
  const pipeline = (args: readonly string[]) => runInPipeline(args, '| true', operator.env);
  expect(await pipeline(['--help'])).toEqual({ code: 0, stdout: '', stderr: '' });
  expect(await pipeline(['client', 'create', 'Unread', '--json'])).toEqual({
    code: 0,
    stdout: '',
    stderr: '',
  });
  // The sentence about an error meets a closed pipe, too.
  expect(
    await runInPipeline(['payment', 'retry', unknownPayment()], '2>&1 | true', operator.env),
  ).toMatchObject({
    code: 3,
  });
  const client = await clientNamed('Unread');
  const audited = await runCli(['audit', 'list', '--action', 'client.create'], { env: operator.env });
  expect(audited.stdout).toContain(`client:${client?.client_id} `);
});

test('output that a full disk does not take is a failure with one sentence, and the command is done', async () => {
  const lost = await runInPipeline(['client', 'create', 'Unwritten'], '> /dev/full', operator.env);
  expect(lost).toEqual({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(/^The output of this command could not be written \(ENOSPC\)\..*\n$/),
  });
  expect(await clientNamed('Unwritten')).toBeDefined();
  expect(await runInPipeline(['client'], '2> /dev/full', operator.env)).toMatchObject({ code: 2 });
});
