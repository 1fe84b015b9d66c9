import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AppProcess, PUBLISHED_BODY, type Stack, startStack } from '@emr-payments/stack';
import {
  type CountingProxy,
  openCountingProxy,
  openTestDatabase,
  type TestDatabase,
} from '@emr-payments/testkit';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { runCommand } from './service/cli.ts';

// The bounds of look-ups hold over all API processes: two of them, and an office of Open Dental whose MRNs are patient numbers (1 to 5 are
// somebody).

const PATIENCE = { timeout: 30_000, interval: 20 };

let folder: string;
let database: TestDatabase;
let stack: Stack;
let emr: CountingProxy;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'emr-payments-lookups-'));
  database = await openTestDatabase();
  stack = await startStack({
    ...{ folder, databaseUrl: database.url, appUrl: database.appUrl },
    ...{ apis: 2, workers: 0 },
  });
  emr = await openCountingProxy(stack.emrUrl, { watched: '/patients' });
}, 180_000);
afterAll(async () => {
  await emr?.close();
  await stack?.stop();
  await database?.drop();
  rmSync(folder, { recursive: true, force: true });
});

const CREDENTIALS = '{"developer_key": "developer", "customer_key": "look-ups"}';

/** Connects a practice of the demo's client, or connects one again. */
async function connect(user?: string): Promise<{ user_id: string; access_token: string }> {
  const { client_id: client } = stack.demo;
  const ended = await runCommand(
    stack,
    [
      ...['user', 'connect', '--json', '--time-zone', 'America/New_York'],
      ...(user === undefined ? ['--client', client, '--name', 'Dentist'] : ['--user', user]),
      ...['--adapter', 'open-dental', '--base-url', `${emr.url}/open-dental/api/v1`],
      ...['--setting', 'calls_per_minute=0', '--credentials', '-'],
    ],
    CREDENTIALS,
  );
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  return JSON.parse(ended.stdout);
}

async function practice() {
  const { user_id: userId, access_token } = await connect();
  const { client_id, client_secret } = stack.demo;
  const before = emr.paths().length;
  const call = async (api: AppProcess, method: string, path: string, body: object) => {
    const answer = await fetch(`${api.url}${path}`, {
      method,
      headers: { client_id, client_secret, access_token, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return { status: answer.status, body: (await answer.json()) as { code?: string } };
  };
  const pay = (api: AppProcess, mrn: string) =>
    call(api, 'POST', '/v1/payments', { ...PUBLISHED_BODY, patient_mrn: mrn });
  return {
    userId,
    pay,
    /** Pays until the answer is another than 503, as an integrator does: on a busy machine a look-up may be late. */
    async payAtLast(api: AppProcess, mrn: string): Promise<number> {
      const { status } = await pay(api, mrn);
      return status === 503 ? this.payAtLast(api, mrn) : status;
    },
    put: (api: AppProcess, mrn: string, emr_patient_id: string) =>
      call(api, 'PUT', `/v1/patients/${mrn}`, { emr_patient_id }),
    /** Patients that the EMR was asked for. */
    asked: () =>
      emr
        .paths()
        .slice(before)
        .filter((path) => path.includes('/patients')),
  };
}

function processes(): [AppProcess, AppProcess] {
  const [one, other] = stack.apis;
  if (one === undefined || other === undefined) throw new Error('there are no two API processes');
  return [one, other];
}

test('one MRN in forty requests over both processes is one question', async () => {
  const ours = await practice();
  const { asked } = ours;
  const release = emr.hold();
  const all = Array.from({ length: 40 }, (_, n) => ours.payAtLast(processes()[n % 2 === 0 ? 0 : 1], '3'));
  await vi.waitFor(() => expect(asked()).toHaveLength(1), PATIENCE);
  release();
  expect(new Set(await Promise.all(all))).toEqual(new Set([200]));
  expect(asked()).toHaveLength(1);
}, 60_000);

test('forty MRNs over both processes are at most four questions at once, and a "no" to one process holds in the other', async () => {
  const ours = await practice();
  const { pay, put, asked, userId } = ours;
  const [one, other] = processes();
  emr.slowDown(30);
  const mrns = Array.from({ length: 40 }, (_, n) => String(9_001 + n));
  const answers = await Promise.all(mrns.map((mrn, n) => ours.payAtLast(n % 2 === 0 ? one : other, mrn)));
  emr.slowDown(0);
  expect(answers).toEqual(mrns.map(() => 404));
  expect([emr.mostAtOnce(), new Set(asked()).size]).toEqual([4, 40]);
  const after = asked().length;

  const both = (mrn: string) => Promise.all([pay(one, mrn), pay(other, mrn)]);
  const statuses = async (mrn: string) => (await both(mrn)).map(({ status }) => status);
  expect(await statuses('9001')).toEqual([404, 404]);
  expect(asked()).toHaveLength(after);
  // A person's word is there at once, in both.
  expect((await put(one, '9001', '9001')).status).toBe(200);
  expect(await statuses('9001')).toEqual([200, 200]);
  expect(asked()).toHaveLength(after);
  // So is a save of the connection, also of the same one.
  await connect(userId);
  const before = asked().length;
  expect(await statuses('9002')).toEqual([404, 404]);
  expect(asked().length).toBe(before + 1);
}, 120_000);

test('a process that is killed in mid-question leaves the others an answer in time, and its place soon', async () => {
  const { pay, asked } = await practice();
  const [one, other] = processes();
  const release = emr.hold();
  const lost = pay(one, '4').catch(() => 'lost');
  await vi.waitFor(() => expect(asked()).toHaveLength(1), PATIENCE);
  const waiting = pay(other, '4');
  await one.kill();
  expect(await lost).toBe('lost');
  expect([200, 503]).toContain((await waiting).status);
  release();
  await vi.waitFor(async () => expect((await pay(other, '4')).status).toBe(200), PATIENCE);
  await one.start();
  expect((await pay(one, '4')).status).toBe(200);
}, 120_000);
