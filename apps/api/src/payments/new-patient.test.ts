import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CREATE_PAYMENT_EXAMPLE } from '@emr-payments/contracts';
import { type ConnectionSetup, disableUser, openCredentials, SYSTEM, saveConnection } from '@emr-payments/db';
import { createAdapters, localAdapterDeps } from '@emr-payments/emr';
import { setUpConnection } from '@emr-payments/operations';
import { parseSandboxHosts } from '@emr-payments/outbound';
import {
  type CountingProxy,
  openCountingProxy,
  type SandboxProcess,
  startSandbox,
} from '@emr-payments/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { credentialHeaders, openTestApi, type TestApi } from '../testing/test-api.ts';
import { userRequests } from '../testing/user-requests.ts';

// Payments for patients who are not known here, in an office of Open Dental, whose MRNs are patient numbers: 1 to 5 are somebody.

const TOKEN = 'only-for-this-test-0123456789abcdef';
const PATIENCE = { timeout: 30_000, interval: 20 };
/** Long enough that nothing else takes so long on a busy machine. */
const LOOK_UP_MS = 2_000;

/** Numbers that no patient has, too long to be in an id or a time by chance. */
const NOBODY = '998000000000';
const NOBODY_ELSE = '999000000000';

let api: TestApi;
let sandbox: SandboxProcess;
let emr: CountingProxy;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'new-patient-'));
  sandbox = await startSandbox({ ledgerFile: join(folder, 'ledger.jsonl') });
  api = await openTestApi({ metricsToken: TOKEN, limits: { lookUpMs: LOOK_UP_MS } });
  await api.app.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(async () => {
  await api.close();
  await sandbox.stop();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  emr = await openCountingProxy(sandbox.baseUrl);
});
afterEach(() => emr.close());

type Settings = NonNullable<ConnectionSetup['settings']>;

const office = (settings: Settings = {}, change: Partial<ConnectionSetup> = {}) => ({
  adapter: 'open-dental',
  baseUrl: `${emr.url}/open-dental/api/v1`,
  credentials: { developer_key: 'developer', customer_key: randomUUID() },
  settings: { calls_per_minute: 0, ...settings },
  ...change,
});

async function practice(settings?: Settings, change?: Partial<ConnectionSetup>) {
  const caller = await api.newCaller({ connection: office(settings, change) });
  const { prisma } = api.database;
  const { userId } = caller;
  return {
    caller,
    pay: (patient_mrn: string, more: { key?: string; dry?: true } = {}) =>
      userRequests(api, caller).post(
        `/v1/payments${more.dry === true ? '?dry_run=true' : ''}`,
        { ...CREATE_PAYMENT_EXAMPLE, payment_method: 'Check', location: 'Riverside Clinic', patient_mrn },
        more.key === undefined ? {} : { 'idempotency-key': more.key },
      ),
    payments: () => prisma.payment.count({ where: { userId } }),
    patient: (mrn: string) => prisma.patient.findUnique({ where: { userId_mrn: { userId, mrn } } }),
  };
}

/** Patients that were asked for. */
const asked = () => emr.paths().filter((path) => path.includes('/patients'));

const notFound = (mrn: string) => ({
  success: false,
  message: `Patient with MRN '${mrn}' not found. Please ensure the patient has been synced and has an EMR patient ID.`,
  code: 'patient_not_found',
  safe_to_retry: false,
});

async function lookedUp(outcome: string): Promise<number> {
  const { body } = await api.app.inject({ url: '/metrics', headers: { authorization: `Bearer ${TOKEN}` } });
  const line = body
    .split('\n')
    .find((each) => each.startsWith(`emr_payments_patient_lookups_total{outcome="${outcome}"`));
  return Number(line?.split(' ').at(-1) ?? 0);
}

/** Changes a patient of the office. */
async function change(patNum: number, fields: object): Promise<void> {
  const changed = await fetch(`${sandbox.baseUrl}/sandbox/open-dental/patients/${patNum}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(fields),
  });
  expect(changed.status, await changed.text()).toBe(200);
}

describe('a payment for a patient whom the EMR has', () => {
  test('is accepted, and the patient is stored: the next payment asks nobody', async () => {
    const { pay, patient, payments } = await practice();
    const before = await lookedUp('found');
    const answer = await pay(' 3\u00a0');
    expect([answer.statusCode, answer.body]).toEqual([200, expect.stringContaining('"job_id"')]);
    expect(await patient('3')).toMatchObject({ emrPatientId: '3', state: 'active', source: 'lookup' });
    expect((await pay('3')).statusCode).toBe(200);
    expect((await pay('MRN-12345')).statusCode).toBe(200);
    expect(asked()).toHaveLength(1);
    expect([await payments(), (await lookedUp('found')) - before]).toEqual([3, 1]);
  });

  test('is looked up again when the MRNs become another number of the patients', async () => {
    const { caller, pay } = await practice();
    expect((await pay('3')).statusCode).toBe(200);
    await change(2, { ChartNumber: '3' });
    const { settings, ...rest } = office({}, { credentials: { developer_key: 'd', customer_key: 'c' } });
    const saved = await setUpConnection(
      { ...api, sandboxHosts: parseSandboxHosts('') },
      {
        owner: { publicId: caller.publicId },
        ...rest,
        settings: { calls_per_minute: String(settings.calls_per_minute), mrn_field: 'ChartNumber' },
        timeZone: 'America/New_York',
        concurrency: 4,
        allowPlainHttp: true,
        allowOtherPractice: false,
        check: false,
        guarded: false,
        setsLimits: true,
        by: SYSTEM,
      },
    );
    expect(saved).toMatchObject({ outcome: 'changed' });
    expect((await pay('3')).statusCode).toBe(200);
    const paid = await api.database.prisma.payment.findMany({
      where: { userId: caller.userId },
      orderBy: { jobId: 'asc' },
      select: { patientMrn: true, emrPatientId: true },
    });
    expect(paid).toEqual([
      { patientMrn: '3', emrPatientId: '3' },
      { patientMrn: '3', emrPatientId: '2' },
    ]);
    await change(2, { ChartNumber: '' });
  });

  test('is one question for all who ask at once, and one payment for those with one key', async () => {
    const { pay, payments } = await practice();
    const release = emr.hold();
    const all = Array.from({ length: 20 }, (_, nth) => pay('2', nth < 10 ? { key: 'k' } : {}));
    await vi.waitFor(() => expect(asked()).toHaveLength(1), PATIENCE);
    release();
    const answers = await Promise.all(all);
    // When two requests with one key reach the database at the same moment, one is answered with 409, as on every route.
    const statuses = new Set(answers.map(({ statusCode }) => statusCode));
    expect([...statuses].filter((status) => status !== 200 && status !== 409)).toEqual([]);
    const ids = new Set(answers.slice(0, 10).flatMap((answer) => answer.json().payment_id ?? []));
    expect(ids.size).toBe(1);
    expect([asked().length, await payments()]).toEqual([1, 11]);
  });

  test('with a key: a repeat gets the first answer, and the key is free as long as nothing was accepted', async () => {
    const { pay } = await practice();
    expect((await pay('991', { key: 'k-1' })).statusCode).toBe(404);
    const first = await pay('4', { key: 'k-1' });
    const again = await pay('4', { key: 'k-1' });
    expect([first.statusCode, again.json().payment_id]).toEqual([200, first.json().payment_id]);
    expect(again.headers['idempotent-replayed']).toBe('true');
    // A known key answers before any look-up.
    expect((await pay('992', { key: 'k-1' })).statusCode).toBe(422);
    expect(asked()).toHaveLength(2);
  });

  test('goes to the id that an import has stored meanwhile', async () => {
    const { caller, pay, patient } = await practice();
    const release = emr.hold();
    const paying = pay('5');
    await vi.waitFor(() => expect(asked()).toHaveLength(1), PATIENCE);
    await api.database.prisma.patient.create({
      data: { userId: caller.userId, mrn: '5', emrPatientId: '6' },
    });
    release();
    expect((await paying).statusCode).toBe(200);
    expect(await patient('5')).toMatchObject({ emrPatientId: '6', source: 'import' });
    const payment = await api.database.prisma.payment.findFirstOrThrow({ where: { userId: caller.userId } });
    expect(payment.emrPatientId).toBe('6');
  });

  test('gives a patient whose record was closed an id when the EMR has opened it again', async () => {
    const { caller, pay, patient } = await practice();
    const { userId } = caller;
    await api.database.prisma.patient.create({ data: { userId, mrn: '5', state: 'closed', source: 'sync' } });
    expect((await pay('5')).statusCode).toBe(200);
    expect(await patient('5')).toMatchObject({ emrPatientId: '5', state: 'active', source: 'lookup' });
  });
});

describe('a "no" of the EMR', () => {
  test('is the published 404, to the letter, and holds for a minute', async () => {
    const { pay, payments, patient } = await practice();
    for (const _each of [1, 2, 3]) {
      const { request_id, ...body } = (await pay(NOBODY)).json();
      expect([body, typeof request_id]).toEqual([notFound(NOBODY), 'string']);
    }
    expect(asked()).toHaveLength(1);
    expect((await pay(NOBODY_ELSE)).statusCode).toBe(404);
    expect([asked().length, await payments(), await patient(NOBODY)]).toEqual([2, 0, null]);
    const found = (await api.audited()).filter(({ action }) => action === 'patients.find');
    const written = JSON.stringify(found, (_key, value) =>
      typeof value === 'bigint' ? String(value) : value,
    );
    for (const mrn of [NOBODY, NOBODY_ELSE]) expect(written).not.toContain(mrn);
    expect(found.at(-1)).toMatchObject({ detail: { found: 'none' } });
  });

  test('does not hold for another connection of the user', async () => {
    const { caller, pay } = await practice({ mrn_field: 'ChartNumber' });
    expect((await pay('1')).statusCode).toBe(404);
    await saveConnection(
      { database: api.database, keyring: api.keyring },
      { userId: caller.userId, timeZone: 'America/New_York', concurrency: 4, ...office() },
    );
    expect((await pay('1')).statusCode).toBe(200);
  });

  test('several patients and a closed record are the same 404', async () => {
    await change(1, { ChartNumber: 'C-7' });
    await change(2, { ChartNumber: 'C-7' });
    await change(5, { PatStatus: 'Archived' });
    const charts = await practice({ mrn_field: 'ChartNumber' });
    const numbers = await practice();
    expect((await charts.pay('C-7')).json()).toMatchObject(notFound('C-7'));
    expect((await numbers.pay('5')).json()).toMatchObject(notFound('5'));
    for (const patNum of [1, 2]) await change(patNum, { ChartNumber: '' });
    await change(5, { PatStatus: 'Patient' });
  });

  test('where nobody is asked it is there at once: switched off, or no search', async () => {
    const off = await practice({ lookup_patients: false });
    expect((await off.pay('3')).json()).toMatchObject(notFound('3'));
    const searchless = await openTestApi({
      adapters: {
        of(connection) {
          const adapters = createAdapters({
            ...localAdapterDeps(),
            credentialsOf: (sealed) => openCredentials(searchless.keyring, sealed),
            refusal: () => null,
          });
          const { findPatient: _search, ...adapter } = adapters.of(connection);
          return adapter;
        },
      },
    });
    try {
      const { post } = userRequests(searchless, await searchless.newCaller({ connection: office() }));
      const answer = await post('/v1/payments', { ...CREATE_PAYMENT_EXAMPLE, patient_mrn: '3' });
      expect(answer.json()).toMatchObject(notFound('3'));
    } finally {
      await searchless.close();
    }
    expect(asked()).toEqual([]);
  });
});

const UNAVAILABLE = { success: false, code: 'patient_lookup_unavailable', safe_to_retry: true };

describe('no answer of the EMR', () => {
  test('in time is 503, safe to send again, and nothing is remembered', async () => {
    const { pay, payments } = await practice();
    const release = emr.hold();
    const answer = await pay('3');
    expect([answer.statusCode, answer.headers['retry-after']]).toEqual([503, '2']);
    expect(answer.json()).toMatchObject({
      ...UNAVAILABLE,
      message:
        'This patient is not known yet, and the EMR could not be asked. It did not answer in time. Nothing was accepted: send the request again.',
    });
    release();
    await vi.waitFor(async () => expect((await pay('3')).statusCode).toBe(200), PATIENCE);
    expect(await payments()).toBe(1);
  });

  test('of a fifth look-up at once comes when the first have ended', async () => {
    const { pay } = await practice();
    const other = await practice();
    const release = emr.hold();
    const mrns = ['1', '2', '3', '4', '5', '995', '996'];
    const all = mrns.map((mrn) => pay(mrn));
    await vi.waitFor(() => expect(asked()).toHaveLength(4), PATIENCE);
    // Another connection has places of its own.
    const theirs = other.pay('1');
    await vi.waitFor(() => expect(asked()).toHaveLength(5), PATIENCE);
    release();
    expect((await Promise.all(all)).map(({ statusCode }) => statusCode)).toEqual([
      200, 200, 200, 200, 200, 404, 404,
    ]);
    expect((await theirs).statusCode).toBe(200);
    expect(asked()).toHaveLength(mrns.length + 1);
  });

  test('of more look-ups than have a place in time is 503, without a call', async () => {
    const { pay } = await practice();
    const release = emr.hold();
    const answers = await Promise.all(['1', '2', '3', '4', '5'].map((mrn) => pay(mrn)));
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([503, 503, 503, 503, 503]);
    expect(asked()).toHaveLength(4);
    release();
  });

  test.each([
    ['an EMR that is not there', { baseUrl: 'http://127.0.0.1:1/api/v1' }, '2', 'could not be asked'],
    [
      'a connection that cannot be used',
      { baseUrl: 'ftp://nowhere' },
      '60',
      'cannot be used as it is set up',
    ],
    [
      'credentials that the EMR rejects',
      { credentials: { developer_key: 'developer', customer_key: '' } },
      '60',
      '',
    ],
  ] as const)('%s: 503', async (name, given, retryAfter, words) => {
    const { pay, payments } = await practice({}, given);
    const answer = await pay('3');
    expect([answer.statusCode, answer.headers['retry-after']], name).toEqual([503, retryAfter]);
    expect(answer.json()).toMatchObject({ ...UNAVAILABLE, message: expect.stringContaining(words) });
    expect(answer.body).not.toContain('nowhere');
    expect(await payments()).toBe(0);
  });

  test('of a faulty import’s sixty-first invented MRN is 503, without a call; known MRNs and other practices go on', async () => {
    const [{ pay }, other] = [await practice(), await practice()];
    const mrns = Array.from({ length: 60 }, (_, n) => String(9_001 + n));
    for (let n = 0; n < mrns.length; n += 4) {
      const answers = await Promise.all(mrns.slice(n, n + 4).map((mrn) => pay(mrn)));
      expect(answers.map(({ statusCode }) => statusCode)).toEqual([404, 404, 404, 404]);
    }
    const answer = await pay('3');
    expect([answer.statusCode, answer.json()]).toEqual([503, expect.objectContaining(UNAVAILABLE)]);
    expect(answer.json().message).toContain('for too many MRNs that it does not know');
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(5);
    expect(Number(answer.headers['retry-after'])).toBeLessThanOrEqual(60);
    expect([(await pay('9001')).statusCode, (await pay('MRN-12345')).statusCode]).toEqual([404, 200]);
    expect(asked()).toHaveLength(60);
    expect((await other.pay('3')).statusCode).toBe(200);
    // A minute later.
    await api.database.pool.query("UPDATE patient_lookups SET asked_at = asked_at - interval '1 minute'");
    expect((await pay('3')).statusCode).toBe(200);
  }, 60_000);

  test('of a flood of new MRNs stands before nobody else’s statements', async () => {
    const { pay } = await practice();
    const release = emr.hold();
    let most = 0;
    const look = setInterval(() => {
      most = Math.max(most, api.bulkheads.database.pool.waitingCount);
    }, 1);
    const flood = await Promise.all(Array.from({ length: 200 }, (_, n) => pay(String(20_000 + n))));
    clearInterval(look);
    release();
    expect(new Set(flood.map(({ statusCode }) => statusCode))).toEqual(new Set([503]));
    expect(most).toBeLessThan(40);
  }, 60_000);

  test('of a PostgreSQL that refuses the questions is 503, and the next request works', async () => {
    const { pay } = await practice();
    const owner = await api.database.pool.connect();
    try {
      await owner.query('BEGIN');
      await owner.query('LOCK TABLE patient_lookups');
      expect((await pay('3')).json()).toMatchObject(UNAVAILABLE);
      expect((await pay('MRN-12345')).statusCode).toBe(200);
    } finally {
      owner.release(true);
    }
    await vi.waitFor(async () => expect((await pay('3')).statusCode).toBe(200), PATIENCE);
  });

  test('over a connection that was replaced meanwhile is none', async () => {
    const { caller, pay, patient } = await practice();
    const release = emr.hold();
    const paying = pay('3');
    await vi.waitFor(() => expect(asked()).toHaveLength(1), PATIENCE);
    await saveConnection(
      { database: api.database, keyring: api.keyring },
      { userId: caller.userId, timeZone: 'America/New_York', concurrency: 4, ...office() },
    );
    release();
    expect((await paying).json()).toMatchObject(UNAVAILABLE);
    expect(await patient('3')).toBeNull();
  });
});

test('a user who is disabled during the look-up gets no payment', async () => {
  const slow = await openTestApi({ limits: { lookUpMs: 20_000 } });
  try {
    const caller = await slow.newCaller({ connection: office() });
    const { get, post } = userRequests(slow, caller);
    const release = emr.hold();
    const paying = post('/v1/payments', { ...CREATE_PAYMENT_EXAMPLE, patient_mrn: '3' });
    await vi.waitFor(() => expect(asked()).toHaveLength(1), PATIENCE);
    await disableUser(slow, { publicId: caller.publicId, by: SYSTEM });
    // For a few seconds the API believes what it has looked up.
    await vi.waitFor(async () => expect((await get('/v1/patients?mrn=3')).statusCode).toBe(404), PATIENCE);
    release();
    const answer = await paying;
    expect([answer.statusCode, answer.json().code]).toEqual([404, 'user_not_found']);
    expect(await slow.database.prisma.payment.count({ where: { userId: caller.userId } })).toBe(0);
  } finally {
    await slow.close();
  }
}, 30_000);

test('a caller who hangs up during the look-up gets no payment, and the patient is known from then on', async () => {
  const { caller, pay, payments, patient } = await practice();
  const release = emr.hold();
  const socket = connect((api.app.server.address() as AddressInfo).port, '127.0.0.1');
  await once(socket, 'connect');
  const body = JSON.stringify({ ...CREATE_PAYMENT_EXAMPLE, patient_mrn: '3' });
  const headers = { host: 'a', ...credentialHeaders(caller), 'content-type': 'application/json' };
  const lines = Object.entries({ ...headers, 'content-length': String(body.length) }).map(
    ([k, v]) => `${k}: ${v}\r\n`,
  );
  socket.write(`POST /v1/payments HTTP/1.1\r\n${lines.join('')}\r\n${body}`);
  await vi.waitFor(() => expect(asked()).toHaveLength(1), PATIENCE);
  socket.destroy();
  const open = async () =>
    new Promise<number>((resolve) => api.app.server.getConnections((_error, count) => resolve(count)));
  await vi.waitFor(async () => expect(await open()).toBe(0), PATIENCE);
  const before = await lookedUp('found');
  release();
  await vi.waitFor(async () => expect(await patient('3')).toMatchObject({ emrPatientId: '3' }), PATIENCE);
  await vi.waitFor(async () => expect(await lookedUp('found')).toBe(before + 1), PATIENCE);
  expect(await payments()).toBe(0);
  expect((await pay('3')).statusCode).toBe(200);
  expect(await payments()).toBe(1);
});

test('a dry run asks in the same way, and writes nothing', async () => {
  const { pay, patient, payments } = await practice();
  const found = await pay('3', { dry: true });
  expect([found.statusCode, found.json().data?.patient_mrn], found.body).toEqual([200, '3']);
  expect((await pay(NOBODY, { dry: true })).json()).toMatchObject(notFound(NOBODY));
  expect([await patient('3'), await payments()]).toEqual([null, 0]);
  const release = emr.hold();
  expect((await pay('4', { dry: true })).json()).toMatchObject(UNAVAILABLE);
  release();
});

test('a login that the EMR rejects at a look-up stops the next ones, and one that is accepted ends the outage', async () => {
  const { caller, pay } = await practice();
  const faults = `${sandbox.baseUrl}/sandbox/faults`;
  await fetch(faults, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ kind: 'unauthorized' }),
  });
  const sql = async (text: string) => (await api.database.pool.query(text, [caller.userId])).rows;
  const state = () => sql('SELECT state FROM connection_states WHERE user_id = $1');
  const events = async () =>
    (
      await sql('SELECT type FROM events WHERE user_id = $1 AND payment_id IS NULL ORDER BY created_at, id')
    ).map(({ type }) => type);
  const refused = { success: false, code: 'patient_lookup_unavailable', safe_to_retry: true };
  const first = await pay('4');
  expect([first.statusCode, first.json()]).toEqual([503, expect.objectContaining(refused)]);
  expect(await state()).toEqual([{ state: 'login_required' }]);
  const calls = emr.paths().length;
  const second = await pay('5');
  expect([second.statusCode, second.json()]).toEqual([503, expect.objectContaining(refused)]);
  expect(emr.paths()).toHaveLength(calls);

  await fetch(faults, { method: 'DELETE' });
  await sql('UPDATE connection_states SET stopped_until = now() WHERE user_id = $1');
  expect((await pay('4')).statusCode).toBe(200);
  expect(await state()).toEqual([{ state: 'connected' }]);
  expect(await events()).toEqual(['connection.broken', 'connection.restored']);
});
