import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import type { PatientImportReply, PatientView } from '@emr-payments/contracts';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { credentialHeaders, openTestApi, type TestApi } from '../testing/test-api.ts';
import { userRequests } from '../testing/user-requests.ts';

const PATIENCE = { timeout: 30_000, interval: 20 };

let api: TestApi;
beforeAll(async () => {
  api = await openTestApi();
  await api.app.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(() => api.close());

async function practice() {
  const caller = await api.newCaller();
  const headers = credentialHeaders(caller);
  const { userId, publicId } = caller;
  const { get, pay } = userRequests(api, caller);
  return {
    caller,
    pay,
    find: async (mrn: string): Promise<PatientView[]> =>
      (await get(`/v1/patients?mrn=${encodeURIComponent(mrn)}`)).json().data,
    get,
    put: (mrn: string, emr_patient_id: unknown) =>
      api.app.inject({
        method: 'PUT',
        url: `/v1/patients/${encodeURIComponent(mrn)}`,
        headers: { ...headers, 'content-type': 'application/json' },
        payload: JSON.stringify({ emr_patient_id }),
      }),
    send: (file: string | Buffer, query = '', type = 'text/csv') =>
      api.app.inject({
        method: 'POST',
        url: `/v1/patients:import${query}`,
        headers: { ...headers, 'content-type': type },
        payload: file,
      }),
    stored: async () =>
      Object.fromEntries(
        (await api.database.prisma.patient.findMany({ where: { userId } })).map((row) => [
          row.mrn,
          row.emrPatientId,
        ]),
      ),
    audited: async () =>
      (await api.audited())
        .filter(({ actor }) => actor.startsWith('client:'))
        .filter(({ subject }) => subject === `patients:${publicId}` || subject === `user:${publicId}`),
  };
}

const KNOWN = { 'MRN-12345': 'p1', 'MRN-UNSYNCED': null };
const H = 'mrn,emr_patient_id\n';

describe('GET /v1/patients', () => {
  test('shows one patient, or nobody', async () => {
    const { find, get } = await practice();
    const page = (await get('/v1/patients?mrn=MRN-12345')).json();
    expect(page).toEqual({
      ...{ success: true, message: 'Patients.', has_more: false, next_cursor: null },
      data: [
        {
          ...{ mrn: 'MRN-12345', emr_patient_id: 'p1', state: 'active', source: 'import' },
          synced_at: expect.stringMatching(/Z$/),
        },
      ],
    });
    expect(await find(' MRN-12345\u00a0')).toEqual(page.data);
    expect(await find('MRN-UNSYNCED')).toMatchObject([{ emr_patient_id: null }]);
    for (const mrn of ['mrn-12345', 'MRN-1234', '%', '_']) expect(await find(mrn)).toEqual([]);
  });

  test("shows no other user's patient, and takes no other search", async () => {
    const [ours, other] = [await practice(), await practice()];
    await ours.put('OURS', 'p9');
    expect(await other.find('OURS')).toEqual([]);
    for (const query of [
      '',
      '?mrn=',
      '?mrn=%20',
      '?emr_patient_id=p1',
      '?mrn=A&limit=5',
      `?mrn=${'x'.repeat(256)}`,
    ])
      expect((await ours.get(`/v1/patients${query}`)).statusCode, query).toBe(400);
  });
});

describe('PUT /v1/patients/{mrn}', () => {
  test('makes a patient, replaces an id, and does nothing when it is stored', async () => {
    const { put, find, pay, audited } = await practice();
    const made = await put('MRN-of-the-test', 'Patient/emr-id-first');
    expect([made.statusCode, made.json()]).toEqual([
      200,
      {
        success: true,
        message: 'Patient stored.',
        data: expect.objectContaining({
          mrn: 'MRN-of-the-test',
          emr_patient_id: 'emr-id-first',
          state: 'active',
          source: 'import',
        }),
      },
    ]);
    const again = await put('MRN-of-the-test', 'emr-id-first');
    expect(again.json()).toEqual({ ...made.json(), message: 'Patient stored already.' });
    expect((await put('MRN-of-the-test', 'emr-id-later')).json().data.emr_patient_id).toBe('emr-id-later');
    expect((await put('MRN-UNSYNCED', 'p9')).statusCode).toBe(200);
    await pay({ patient_mrn: 'MRN-UNSYNCED' });
    expect(await find('MRN-of-the-test')).toMatchObject([{ emr_patient_id: 'emr-id-later' }]);
    const entries = (await audited()).filter(({ action }) => action === 'patients.put');
    expect(entries.map(({ detail }) => detail)).toEqual([
      { stored: 'added' },
      { stored: 'changed' },
      { stored: 'added' },
    ]);
    expect(JSON.stringify(entries.map(({ subject, detail }) => [subject, detail]))).not.toMatch(
      /MRN-of-the-test|emr-id-/,
    );
  });

  test('makes a closed patient an active one', async () => {
    const { caller, put } = await practice();
    const { userId } = caller;
    await api.database.prisma.patient.create({ data: { userId, mrn: 'C', state: 'closed', source: 'sync' } });
    expect((await put('C', 'p3')).json().data).toMatchObject({
      state: 'active',
      source: 'import',
      emr_patient_id: 'p3',
    });
  });

  test.each(['A/7', 'a b', '100%', 'Ä-1', '?x=1', '#1', ':import', '病歴-1', `${'病'.repeat(255)}`])(
    'takes the MRN %j, encoded',
    async (mrn) => {
      const { put, find } = await practice();
      expect((await put(mrn, 'p2')).json().data.mrn).toBe(mrn);
      expect(await find(mrn)).toMatchObject([{ mrn, emr_patient_id: 'p2' }]);
    },
  );

  test.each([
    ['A', '', 'emr_patient_id'],
    ['A', 7, 'emr_patient_id'],
    ['A', '1.23E+12', 'emr_patient_id'],
    ['A', 'Person/p1', 'emr_patient_id'],
    ['A', 'https://elsewhere.test/Patient/p1', 'emr_patient_id'],
    ['=1+1', 'p1', 'mrn'],
    ['A\u200bB', 'p1', 'mrn'],
    ['x'.repeat(256), 'p1', 'mrn'],
    ['\u0001', 'p1', 'mrn'],
  ])('refuses %j with the id %j by the field', async (mrn, id, field) => {
    const { put, stored } = await practice();
    const answer = await put(mrn, id);
    expect([answer.statusCode, answer.json().message]).toEqual([
      400,
      expect.stringContaining(`field: ${field} (`),
    ]);
    expect(await stored()).toEqual(KNOWN);
  });

  test("does not touch another user's patient with the same MRN", async () => {
    const [ours, other] = [await practice(), await practice()];
    await ours.put('MRN-12345', 'p5');
    expect([await ours.stored(), await other.stored()]).toEqual([{ ...KNOWN, 'MRN-12345': 'p5' }, KNOWN]);
    // Nor does it take theirs for its own.
    await other.put('X', 'p7');
    expect((await ours.put('X', 'p7')).json().message).toBe('Patient stored.');
    expect((await ours.stored()).X).toBe('p7');
  });

  test('normalizes the MRN as a payment does', async () => {
    const { put, stored } = await practice();
    expect((await put(' A\u00a0', 'p2')).json().data.mrn).toBe('A');
    expect(await stored()).toEqual({ ...KNOWN, A: 'p2' });
  });
});

describe('POST /v1/patients:import', () => {
  test('writes what is certain, and says line by line what is not', async () => {
    const { send, stored, audited } = await practice();
    const file = `${H}M1,p1\nM2,\nM3,p3\nMRN-12345,other\nM4,p4\nM4,p5\n`;
    const dry = await send(file, '?dry_run=true');
    const counts = { added: 2, changed: 0, unchanged: 0, repeated: 0, left_out: 3, held_back: 1 };
    const report: PatientImportReply['data'] = {
      dry_run: true,
      ...counts,
      bad_rows: [
        { line: 3, problem: 'emr_patient_id is empty' },
        ...[6, 7].map((line) => ({
          line,
          problem: expect.stringContaining('do not agree') as unknown as string,
        })),
      ],
      changes: [{ line: 5, mrn: 'MRN-12345', stored: 'p1', given: 'other' }],
      shared_ids: { count: 0, lines: [] },
    };
    expect([dry.statusCode, dry.json().data]).toEqual([200, report]);
    expect(await stored()).toEqual(KNOWN);
    expect((await send(file)).json().data).toEqual({ ...report, dry_run: false });
    expect(await stored()).toEqual({ ...KNOWN, M1: 'p1', M3: 'p3' });
    const changed = (await send(file, '?allow_changes=true')).json().data;
    expect(changed).toMatchObject({ added: 0, changed: 1, unchanged: 2, held_back: 0 });
    expect((await stored())['MRN-12345']).toBe('other');
    // Counted actions are written to the audit log later.
    expect((await audited()).map(({ action, count }) => `${action} ${count}`).sort()).toEqual([
      'patients.compare 1',
      'patients.import 1',
      'patients.import 1',
    ]);
  });

  test("compares with the user's own patients, and writes no other's", async () => {
    const [ours, other] = [await practice(), await practice()];
    await other.put('X', 'p7');
    const file = `${H}X,p7\nMRN-12345,p5\n`;
    const report = (await ours.send(file, '?allow_changes=true')).json().data;
    expect(report).toMatchObject({ added: 1, changed: 1, unchanged: 0, left_out: 0 });
    expect([await ours.stored(), await other.stored()]).toEqual([
      { ...KNOWN, X: 'p7', 'MRN-12345': 'p5' },
      { ...KNOWN, X: 'p7' },
    ]);
    expect((await other.audited()).map(({ action }) => action)).toEqual(['patients.put']);
  });

  test('makes closed and ambiguous patients active ones, whose id a person gave', async () => {
    const { caller, send, find } = await practice();
    const { userId } = caller;
    for (const state of ['closed', 'ambiguous'] as const)
      await api.database.prisma.patient.create({ data: { userId, mrn: state, state, source: 'sync' } });
    expect((await send(`${H}closed,p3\nambiguous,p4\n`)).json().data).toMatchObject({ added: 2 });
    expect([...(await find('closed')), ...(await find('ambiguous'))]).toMatchObject(
      ['p3', 'p4'].map((emr_patient_id) => ({ emr_patient_id, state: 'active', source: 'import' })),
    );
  });

  test.each([
    ['an empty file', '', 422, 'patients_file_unusable'],
    ['a header alone', H, 422, 'patients_file_unusable'],
    ['other columns', 'id,name\n1,x\n', 422, 'patients_file_unusable'],
    ['an open quotation mark', `${H}M1,p1\n"M2,p2\nM3,p3\n`, 422, 'patients_file_unusable'],
    ['bytes that are no text', Buffer.from([0x6d, 0xff, 0x00]), 422, 'patients_file_unusable'],
    ['a workbook', Buffer.from('PK\u0003\u0004xxxx'), 422, 'patients_file_unusable'],
  ] as const)('%s is refused as a whole', async (_name, file, status, code) => {
    const { send, stored } = await practice();
    const answer = await send(Buffer.from(file));
    expect([answer.statusCode, answer.json().code, answer.json().safe_to_retry]).toEqual([
      status,
      code,
      false,
    ]);
    expect(await stored()).toEqual(KNOWN);
  });

  test('another type of body is refused with the one that it takes', async () => {
    const { send, caller } = await practice();
    for (const [body, type] of [
      ['{}', 'application/json'],
      [`${H}M1,p1\n`, 'text/plain'],
    ] as const) {
      const answer = await send(body, '', type);
      expect([answer.statusCode, answer.json().message, answer.json().hint]).toEqual([
        415,
        'The request body must be sent as text/csv.',
        'Send the header `Content-Type: text/csv`, and such a file.',
      ]);
    }
    const none = await api.app.inject({
      ...{ method: 'POST', url: '/v1/patients:import' },
      headers: credentialHeaders(caller),
    });
    expect([none.statusCode, none.json().message]).toEqual([
      400,
      'The request body is missing. Send a file as text/csv.',
    ]);
    const packed = await api.app.inject({
      ...{ method: 'POST', url: '/v1/patients:import', payload: 'x' },
      headers: { ...credentialHeaders(caller), 'content-type': 'text/csv', 'content-encoding': 'gzip' },
    });
    expect([packed.statusCode, packed.json().hint]).toEqual([
      415,
      'Send the body uncompressed, without `Content-Encoding`.',
    ]);
  });

  test('a larger file, and one with more rows, is refused and not written', async () => {
    const { send, stored } = await practice();
    const large = await send(`${H}M1,p1\nM2,${'x'.repeat(17 * 1024 * 1024)}`);
    expect([large.statusCode, large.json().message]).toEqual([
      413,
      'The request body is larger than 16 MiB.',
    ]);
    const rows = Array.from({ length: 200_001 }, (_, nth) => `R${nth},i${nth}\n`);
    const many = await send(`${H}${rows.join('')}`);
    expect([many.statusCode, many.json().message]).toEqual([
      422,
      expect.stringContaining('more than 200,000 rows'),
    ]);
    expect(await stored()).toEqual(KNOWN);
  }, 30_000);

  /** Begins to send a file, with no length. */
  async function begin(caller: Awaited<ReturnType<TestApi['newCaller']>>) {
    const socket = connect((api.app.server.address() as AddressInfo).port, '127.0.0.1');
    let received = '';
    // The API may close it while this end still writes.
    socket.on('error', () => undefined);
    socket.setEncoding('utf8').on('data', (text: string) => {
      received += text;
    });
    await once(socket, 'connect');
    const lines = Object.entries({
      ...{ host: 'a', ...credentialHeaders(caller), 'content-type': 'text/csv' },
      'transfer-encoding': 'chunked',
    }).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(`POST /v1/patients:import HTTP/1.1\r\n${lines.join('')}\r\n`);
    const chunk = (text: string) => socket.write(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`);
    return { socket, chunk, end: () => socket.write('0\r\n\r\n'), received: () => received };
  }
  const importing = async () => {
    const { rows } = await api.database.pool.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'emr-payments-api import'`,
    );
    return rows[0]?.n;
  };

  test('an endless body ends with an answer that the caller can read', async () => {
    const { caller } = await practice();
    const { chunk, received, socket, end } = await begin(caller);
    chunk('mrn,emr_patient_id,more\n');
    for (let nth = 0; nth < 310; nth += 1) chunk(`M${nth},p${nth},${'x'.repeat(60_000)}\n`);
    end();
    await vi.waitFor(() => expect(received()).toContain('payload_too_large'), PATIENCE);
    socket.destroy();
  }, 30_000);

  test('one at a time of a client; nobody else waits, and one whose caller hangs up has written nothing', async () => {
    const [ours, other] = [await practice(), await practice()];
    const slow = await begin(ours.caller);
    slow.chunk(`${H}M1,p1\n`);
    await vi.waitFor(async () => expect(await importing()).toBe(1), PATIENCE);
    const second = await ours.send(`${H}M2,p2\n`);
    expect([second.statusCode, second.json().message, second.json().safe_to_retry]).toEqual([
      429,
      'Too many requests: at most one of the imports of patients of one client at a time.',
      true,
    ]);
    await ours.pay();
    expect((await other.send(`${H}M2,p2\n`)).statusCode).toBe(200);
    slow.socket.destroy();
    await vi.waitFor(async () => expect(await importing()).toBe(0), PATIENCE);
    expect(await ours.stored()).toEqual(KNOWN);
    expect((await ours.send(`${H}M2,p2\n`)).statusCode).toBe(200);
  });

  test('one whose connection is replaced while its file arrives has written nothing: the ids may be of another EMR', async () => {
    const { caller, stored } = await practice();
    const { userId } = caller;
    const slow = await begin(caller);
    slow.chunk(`${H}M1,p1\n`);
    await vi.waitFor(async () => expect(await importing()).toBe(1), PATIENCE);
    await api.database.prisma.connection.update({
      where: { userId },
      data: { baseUrl: 'https://other.example/fhir', updatedAt: new Date() },
    });
    slow.end();
    await vi.waitFor(() => expect(slow.received()).toContain('import_in_progress'), PATIENCE);
    expect(await stored()).toEqual(KNOWN);
    slow.socket.destroy();
  });
});
