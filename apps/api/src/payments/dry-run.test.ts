import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CREATE_PAYMENT_EXAMPLE, sentence } from '@emr-payments/contracts';
import { findConnection, noteExchange, readHealth, storeNames } from '@emr-payments/db';
import { localAdapterDeps, openAdapter } from '@emr-payments/emr';
import { type SandboxProcess, startSandbox } from '@emr-payments/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { openTestApi, type TestApi } from '../testing/test-api.ts';
import { userRequests } from '../testing/user-requests.ts';

let api: TestApi;
let emr: SandboxProcess;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dry-run-'));
  emr = await startSandbox({ ledgerFile: join(folder, 'ledger.jsonl') });
  api = await openTestApi({ limits: { emrWaitMs: 300 } });
});
afterAll(async () => {
  await api.close();
  await emr.stop();
  rmSync(folder, { recursive: true, force: true });
});
afterEach(() => fetch(`${emr.baseUrl}/sandbox/faults`, { method: 'DELETE' }));

const user = async (baseUrl = emr.fhirUrl) => userRequests(api, await api.newCaller({ baseUrl }));
const setPatientId = ({ database: { prisma } }: TestApi, userId: number, emrPatientId: string) =>
  prisma.patient.updateMany({ where: { userId, mrn: 'MRN-12345' }, data: { emrPatientId } });
const counts = async () => {
  const { prisma } = api.database;
  return [await prisma.payment.count(), await prisma.job.count(), await prisma.idempotencyKey.count()];
};

describe('POST /v1/payments?dry_run=true', () => {
  const dry = '/v1/payments?dry_run=true';

  test('shows the payment as it would be posted, and writes nothing', async () => {
    const { post } = await user();
    const before = await counts();
    const answer = await post(
      dry,
      { ...CREATE_PAYMENT_EXAMPLE, patient_mrn: ' MRN-12345\u00a0', payment_method: ' card ' },
      { 'idempotency-key': 'k' },
    );
    expect(answer.statusCode).toBe(200);
    expect(answer.json().data).toEqual({
      would_post: true,
      patient_mrn: 'MRN-12345',
      payment_method: { id: expect.any(String), name: 'Card' },
      location: { id: expect.any(String), name: expect.any(String) },
      reference_number: '#123456',
      amount: 350,
      deposit_date: '2026-06-15',
      dropped_fields: [],
      fields: expect.arrayContaining([
        { field: 'notes', kept: 'whole', as: 'processNote[0].text', to: null, rest: null, why: null },
      ]),
    });
    expect(await counts()).toEqual(before);
    const ledger = (await (await fetch(`${emr.baseUrl}/sandbox/ledger`)).json()) as { entries: unknown[] };
    expect(ledger.entries).toEqual([]);
  });

  test.each([
    [{ payment_method: 'Bitcoin' }, 'payment_method', 'Card'],
    [{ location: '9999' }, 'location', '1404'],
  ])('%j: the field is named with what the EMR has', async (wrong, field, has) => {
    const { post } = await user();
    const answer = await post(dry, { ...CREATE_PAYMENT_EXAMPLE, ...wrong });
    expect(answer.statusCode).toBe(400);
    expect(answer.json().message).toMatch(
      new RegExp(`^Missing or invalid required field: ${field} \\(The EMR has no .*${has}`),
    );
  });

  test('a method whose data the reference number must carry is refused, as posting would refuse it', async () => {
    const adapter = openAdapter(
      {
        userId: 1,
        adapter: 'athena-ppv',
        baseUrl: `${emr.baseUrl}/athena`,
        credentials: { client_id: 'client', client_secret: 'secret' },
        settings: { practice_id: '195900', vendor_code: 'V' },
        timeZone: 'America/New_York',
      },
      localAdapterDeps(),
    );
    const athena = await openTestApi({ adapters: { of: () => adapter } });
    try {
      const caller = await athena.newCaller();
      await setPatientId(athena, caller.userId, '1001');
      const { post } = userRequests(athena, caller);
      const by = (payment_method: string, reference_number: string) =>
        post(dry, { ...CREATE_PAYMENT_EXAMPLE, payment_method, reference_number });
      const refused = await by('Check', 'R-1');
      expect([refused.statusCode, refused.json().code]).toEqual([422, 'method_needs_data']);
      expect(refused.json().message).toContain('reference_number must be the number of the check');
      expect((await by('Check', '#123456')).statusCode).toBe(200);
      expect((await by('Cash', 'R-1')).statusCode).toBe(200);
    } finally {
      await athena.close();
    }
  });

  test('a patient whose stored id is none of the EMR is not found: it was stored for another EMR', async () => {
    const connection = {
      adapter: 'open-dental',
      baseUrl: `${emr.baseUrl}/open-dental/api/v1`,
      credentials: { developer_key: 'demo-developer', customer_key: 'demo-customer' },
      settings: { lookup_patients: false },
    };
    const caller = await api.newCaller({ connection });
    const { post } = userRequests(api, caller);
    const answer = await post(dry, CREATE_PAYMENT_EXAMPLE);
    expect([answer.statusCode, answer.json().code]).toEqual([404, 'patient_not_found']);
    await setPatientId(api, caller.userId, '1001');
    expect((await post(dry, CREATE_PAYMENT_EXAMPLE)).statusCode).toBe(200);
  });

  test('an unknown patient, a bad body and a bad dry_run get the usual errors', async () => {
    const { post } = await user();
    const unknown = await post(dry, { ...CREATE_PAYMENT_EXAMPLE, patient_mrn: 'MRN-NOBODY' });
    expect([unknown.statusCode, unknown.json().code]).toEqual([404, 'patient_not_found']);
    const bad = await post(dry, { ...CREATE_PAYMENT_EXAMPLE, amount: -1 });
    expect(bad.json().message).toContain('field: amount (');
    const switched = await post('/v1/payments?dry_run=maybe', CREATE_PAYMENT_EXAMPLE);
    expect(switched.json().message).toContain('field: dry_run (must be true or false)');
    const other = await post('/v1/payments?dryrun=true', CREATE_PAYMENT_EXAMPLE);
    expect(other.json().message).toContain('field: dryrun (is not a known field)');
  });

  test('dry_run=false accepts the payment', async () => {
    const { post } = await user();
    expect((await post('/v1/payments?dry_run=false', CREATE_PAYMENT_EXAMPLE)).json()).toHaveProperty(
      'job_id',
    );
  });

  test('an EMR that is silent is 504 within the bound, one that is not there 502: both may be tried again', async () => {
    const fault = await fetch(`${emr.baseUrl}/sandbox/faults`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ kind: 'latency', latency_ms: 5000 }),
    });
    expect(fault.status, await fault.text()).toBe(201);
    const silent = await (await user()).post(dry, CREATE_PAYMENT_EXAMPLE);
    expect([silent.statusCode, silent.json().code, silent.json().safe_to_retry]).toEqual([
      504,
      'emr_timeout',
      true,
    ]);
    const absent = await (await user('http://127.0.0.1:1/fhir')).post(dry, CREATE_PAYMENT_EXAMPLE);
    expect([absent.statusCode, absent.json().code, absent.json().safe_to_retry]).toEqual([
      502,
      'emr_unavailable',
      true,
    ]);
  });

  test('a connection that cannot be used is 409, without its secrets', async () => {
    const answer = await (await user('ftp://emr-of-nowhere')).post(dry, CREATE_PAYMENT_EXAMPLE);
    expect([answer.statusCode, answer.json().code]).toEqual([409, 'connection_unusable']);
    expect(answer.body).not.toContain('emr-of-nowhere');
  });
});

describe('GET /v1/connection', () => {
  test('lists the methods and locations of the EMR', async () => {
    const { get } = await user();
    const { data } = (await get('/v1/connection')).json();
    expect(data).toMatchObject({
      adapter: 'fhir-r5',
      capability: 'conditional-create',
      time_zone: 'America/New_York',
      dropped_fields: [],
    });
    expect(data.payment_methods).toContainEqual({
      id: expect.any(String),
      name: 'Card',
      usable: true,
      needs: null,
    });
    expect(data.locations.flatMap((each: { identifiers: string[] }) => each.identifiers)).toContain('1404');
  });

  test('shows the present name of an adapter that the row calls by its former one', async () => {
    const caller = await api.newCaller({ baseUrl: emr.fhirUrl });
    const { prisma } = api.database;
    await prisma.connection.update({ where: { userId: caller.userId }, data: { adapter: 'fhir' } });
    const { data } = (await userRequests(api, caller).get('/v1/connection')).json();
    expect(data).toMatchObject({ adapter: 'fhir-r5', capability: 'conditional-create' });
  });

  test('an EMR that is not there is answered from PostgreSQL, with the health and without lists where none was ever read', async () => {
    const away = await user('http://127.0.0.1:1/fhir');
    const answer = await away.get('/v1/connection');
    expect(answer.statusCode).toBe(200);
    expect(answer.json().data).toMatchObject({
      adapter: 'fhir-r5',
      lists_read: false,
      payment_methods: [],
      locations: [],
      health: {
        state: 'degraded',
        last_success_at: null,
        last_trouble: {
          code: 'connection_refused',
          message: expect.stringContaining('EMR'),
          at: expect.any(String),
        },
      },
    });
  });

  test('an EMR that cannot be asked is shown with the lists that were read from it last', async () => {
    const { userId, ...caller } = await api.newCaller({ baseUrl: 'http://127.0.0.1:1/fhir' });
    const connection = await findConnection(api, { userId });
    const lists = {
      methods: [
        { id: '1', name: 'Card', needs: null },
        { id: '2', name: 'Check', needs: 'a check number' },
      ],
      locations: [{ id: '7', name: 'Main', identifiers: ['1404'] }],
      anyMethod: false,
      anyLocation: false,
    };
    expect(await storeNames(api, { userId, version: connection?.version ?? '', lists })).toBe(true);
    const answer = await userRequests(api, caller).get('/v1/connection');
    expect(answer.json().data).toMatchObject({
      lists_read: false,
      any_payment_method: false,
      payment_methods: [
        { id: '1', name: 'Card', usable: true, needs: null },
        { id: '2', name: 'Check', usable: false, needs: 'a check number' },
      ],
      locations: [{ id: '7', name: 'Main', identifiers: ['1404'] }],
    });
  });

  test.each(['GET', 'dry run'])(
    'lists that need no call say nothing about a broken login: %s',
    async (by) => {
      const credentials = { client_id: 'id', client_secret: 'secret' };
      const { userId, ...caller } = await api.newCaller({
        baseUrl: 'http://127.0.0.1:1',
        connection: { adapter: 'candid', credentials, settings: { lookup_patients: false } },
      });
      const connection = await findConnection(api, { userId });
      if (connection === null) throw new Error('there is no connection');
      const exchange = { kind: 'login', code: 'unauthorized', detail: sentence`No.` } as const;
      await noteExchange(api, { connection, exchange, subject: 'other', agoMs: 0 });
      // The hour has passed.
      await api.database.pool.query('UPDATE connection_states SET stopped_until = now() WHERE user_id = $1', [
        userId,
      ]);
      const one = userRequests(api, caller);
      const asked =
        by === 'GET'
          ? await one.get('/v1/connection')
          : await one.post('/v1/payments?dry_run=true', CREATE_PAYMENT_EXAMPLE);
      expect(asked.statusCode, asked.body).toBe(200);
      expect((await readHealth(api, { userId }))?.health.state).toBe('login_required');
    },
  );

  test('lists that are still remembered say nothing about the EMR', async () => {
    const { userId, ...caller } = await api.newCaller({ baseUrl: emr.fhirUrl });
    const one = userRequests(api, caller);
    expect((await one.get('/v1/connection')).json().data.lists_read).toBe(true);
    const connection = await findConnection(api, { userId });
    if (connection === null) throw new Error('there is no connection');
    const exchange = { kind: 'down', code: 'timeout', detail: sentence`It is late.` } as const;
    await noteExchange(api, { connection, exchange, subject: 'other', agoMs: 0 });
    await api.database.pool.query(
      `UPDATE connection_states SET state = 'unreachable', outage_open = true WHERE user_id = $1`,
      [userId],
    );
    expect((await one.get('/v1/connection')).json().data).toMatchObject({
      lists_read: true,
      health: { state: 'unreachable' },
    });
  });

  test('a login that the EMR rejects is shown, and is not tried again while it stops the connection', async () => {
    const emrCalls: string[] = [];
    const rejecting = createServer((request, response) => {
      emrCalls.push(request.url ?? '');
      response.writeHead(401, { 'content-type': 'application/json' }).end('{}');
    });
    await new Promise<void>((resolve) => rejecting.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void rejecting.close());
    const { port } = rejecting.address() as AddressInfo;
    const one = await user(`http://127.0.0.1:${port}/fhir`);
    const first = await one.get('/v1/connection');
    expect(first.json().data.health).toMatchObject({
      state: 'login_required',
      last_trouble: { code: 'unauthorized' },
    });
    const calls = emrCalls.length;
    expect(calls).toBeGreaterThan(0);
    const second = await one.get('/v1/connection');
    expect(second.json().data).toMatchObject({ lists_read: false, health: { state: 'login_required' } });
    const dry = await one.post('/v1/payments?dry_run=true', CREATE_PAYMENT_EXAMPLE);
    expect([dry.statusCode, dry.json().code]).toEqual([502, 'emr_unavailable']);
    expect(emrCalls).toHaveLength(calls);
  });
});
