import { expect, test } from 'vitest';
import type { RateBucket } from '../../calls.ts';
import { quiet } from '../../conformance/rule.ts';
import type { Dialect } from '../../dialect.ts';
import { localAdapterDeps } from '../../local-deps.ts';
import { athenaPpv, athenaRecord } from './adapter.ts';
import { msFromMidnight, openAthenaServer, type Reply } from './athena-server.fixture.ts';
import { contradiction } from './patient-id.ts';

/** A row as athena gives it, with what must not be kept. */
const patient = (change: object = {}) => ({
  patientid: '48',
  firstname: 'Jane',
  lastname: 'Smith',
  dob: '05/24/1976',
  ssn: '*****8956',
  status: 'active',
  departmentid: '1',
  primarydepartmentid: '1',
  ...change,
});
const list = (...rows: unknown[]): Reply => ({ body: JSON.stringify(rows) });
const refusal = (status: number, error: string, more: object = {}): Reply => ({
  status,
  body: JSON.stringify({ error, ...more }),
});

type Way = { name: string; dialect: Dialect; settings: Record<string, string> };
const WAYS: readonly Way[] = [
  { name: 'ppv', dialect: athenaPpv, settings: { vendor_code: 'V' } },
  { name: 'record', dialect: athenaRecord, settings: {} },
];

async function finding(reply: Reply, { dialect, settings }: Way = WAYS[0] as Way) {
  const { seen, open } = await openAthenaServer(() => reply);
  const adapter = open(dialect, { ...settings, mrn_field: 'patientid' });
  const find = async (mrn: string) => adapter.findPatient?.({ mrn }, quiet());
  const asked = () => seen.map(({ line }) => line).filter((line) => line.startsWith('GET'));
  return { find, asked };
}

test.each(WAYS)(
  '$name: the patient is found by one request, and nothing else of them is in it',
  async (way) => {
    const { find, asked } = await finding(list(patient()), way);
    expect(await find('48')).toEqual({ outcome: 'found', emrPatientId: '48' });
    expect(asked()).toEqual(['GET /v1/195900/patients/48']);
  },
);

test.each(WAYS)(
  '$name: without mrn_field an MRN may be another number, and nobody is looked up',
  async (way) => {
    const { open } = await openAthenaServer(() => list(patient()));
    expect(open(way.dialect, way.settings).findPatient).toBeUndefined();
    expect(open(way.dialect, { ...way.settings, mrn_field: 'none' }).findPatient).toBeUndefined();
    expect(() => open(way.dialect, { ...way.settings, mrn_field: 'ssn' })).toThrow('mrn_field');
  },
);

test('a patientid may be a number', async () => {
  const { find } = await finding(list(patient({ patientid: 48 })));
  expect(await find('48')).toEqual({ outcome: 'found', emrPatientId: '48' });
});

test.each(['', 'MRN-48', '048', '48/../49', '48?x=1', ' 48', '1234567890123456', '+48', '4８'])(
  '%j is no patientid, so it is nobody, and nothing is requested',
  async (mrn) => {
    const { find, asked } = await finding(list(patient()));
    expect(await find(mrn)).toEqual({ outcome: 'none' });
    expect(asked()).toEqual([]);
  },
);

test.each([
  ['inactive', "The patient's record is inactive in the EMR."],
  ['prospective', "The patient's record is prospective in the EMR: it may be a duplicate of another one."],
  ['deleted', "The patient's record is deleted in the EMR, as one is that was merged into another one."],
])('a record with the status %s is closed', async (status, reason) => {
  const { find } = await finding(list(patient({ status })));
  expect(await find('48')).toEqual({ outcome: 'closed', reason });
});

test.each([
  [refusal(404, 'The patient does not exist.', { detailedmessage: 'patientid' })],
  [refusal(404, 'Patient not found.')],
  [refusal(404, 'Invalid patientid.')],
  [refusal(404, 'This patient ID could not be found.')],
  [refusal(404, "The patient doesn't exist.")],
])('%j: nobody', async (reply) => {
  const { find } = await finding(reply);
  expect(await find('48')).toEqual({ outcome: 'none' });
});

test.each([
  [refusal(404, 'The patient was merged into patient 77.')],
  [refusal(404, 'The patient Jane Smith was not found because the record is deleted.')],
])('%j: a record that is gone is closed, and leads to no other one', async (reply) => {
  const { find } = await finding(reply);
  expect(await find('48')).toEqual({
    outcome: 'closed',
    reason: "The patient's record was deleted in the EMR or merged into another one.",
  });
});

test.each([
  ['the copy of another provider group', list(patient({ patientid: '77' })), 'search_not_honoured'],
  [
    'the one that stayed',
    list(patient({ patientid: '77', previouspatientids: ['48'] })),
    'search_not_honoured',
  ],
  ['the id with a zero before it', list(patient({ patientid: '048' })), 'search_not_honoured'],
  ['two patients', list(patient(), patient({ patientid: '77' })), 'answer_not_understood'],
  [
    'the patient once active and once deleted',
    list(patient(), patient({ status: 'deleted' })),
    'answer_not_understood',
  ],
  ['nobody in a list', list(), 'answer_not_understood'],
  ['no list', { body: JSON.stringify(patient()) }, 'answer_not_understood'],
  ['no JSON', { body: '<h1>Jane Smith</h1>' }, 'answer_not_understood'],
  ['no status', list(patient({ status: undefined })), 'answer_not_understood'],
  ['a status in capitals', list(patient({ status: 'ACTIVE' })), 'answer_not_understood'],
  ['an error with the patient', list(patient({ error: 'Jane Smith: try again.' })), 'answer_incomplete'],
  ['a cached patient', { ...list(patient()), headers: { age: '60' } }, 'answer_cached'],
  ['a cached 404', { ...refusal(404, 'Patient not found.'), headers: { age: '60' } }, 'answer_cached'],
  [
    'a cached 404 of a merge',
    { ...refusal(404, 'Patient merged.'), headers: { age: '60' } },
    'answer_cached',
  ],
  ['a patient by 203', { ...list(patient()), status: 203 }, 'accepted'],
  [
    '404 about the practice',
    refusal(404, 'The practice does not exist.', { detailedmessage: 'practiceid' }),
    /./,
  ],
  ['404 about a department', refusal(404, 'The patient does not exist in this department.'), /./],
  ['404 about the address', refusal(404, 'The requested API does not exist: /patients/48'), /./],
  ['404 for a restricted patient', refusal(404, 'The patient was not found or is restricted.'), /./],
  ['404 with a missing field', refusal(404, 'Patient not found.', { missingfields: ['departmentid'] }), /./],
  ['404 about what the patient has', refusal(404, 'The patient has no chart.'), /./],
  ['404 with a phrase', refusal(404, 'Not Found'), /./],
  ['404 of a gateway', refusal(404, 'Patient not found.', { status: 404 }), /./],
  ['404 as a page', { status: 404, body: '<h1>Patient not found</h1>' }, /./],
  [
    '400 with a missing department',
    refusal(400, 'Additional fields are required.', { missingfields: ['departmentid'] }),
    'emr_refused',
  ],
  ['400 about the patient', refusal(400, 'The patient does not exist.'), 'emr_refused'],
  ['403', refusal(403, 'The patient Jane Smith is restricted.'), 'forbidden'],
  ['500', refusal(500, 'The patient does not exist.'), 'emr_error'],
])('%s: unavailable, without a word of the answer', async (_name, reply, code) => {
  const { find } = await finding(reply);
  const found = await find('48');
  expect(found).toMatchObject({
    outcome: 'unavailable',
    code: code instanceof RegExp ? expect.stringMatching(code) : code,
  });
  expect(JSON.stringify(found)).not.toMatch(/Jane|Smith|1976|8956|77/);
});

test('the daily quota: a look-up waits until midnight GMT, as a payment does', async () => {
  const { find } = await finding({
    status: 429,
    headers: { 'x-ratelimit-remaining': '0' },
    body: '<h1>Over</h1>',
  });
  const found = await find('48');
  if (found?.outcome !== 'unavailable') throw new Error('it was no trouble');
  expect(found.code).toBe('rate_limited');
  expect(msFromMidnight(Date.now() + (found.retryAfterMs ?? 0))).toBeLessThan(60_000);
});

test("a look-up counts in the app's limit, and makes no request beyond it", async () => {
  const { seen, baseUrl } = await openAthenaServer(() => list(patient()));
  const taken: RateBucket['key'][] = [];
  // The request for the token is the first one.
  const take = async ({ key }: RateBucket) => {
    taken.push(key);
    return taken.length <= 2 ? { granted: true as const } : { granted: false as const, waitMs: 60_000 };
  };
  const adapter = athenaRecord.open(
    {
      userId: 1,
      adapter: 'athena-record',
      baseUrl,
      credentials: { client_id: 'client1', client_secret: 's3cret' },
      settings: { practice_id: '195900', mrn_field: 'patientid' },
      timeZone: 'America/New_York',
    },
    { ...localAdapterDeps(), calls: { ...localAdapterDeps().calls, take } },
  );
  expect(await adapter.findPatient?.({ mrn: '48' }, quiet())).toMatchObject({ outcome: 'found' });
  expect(await adapter.findPatient?.({ mrn: '48' }, quiet())).toMatchObject({ outcome: 'unavailable' });
  expect(taken).toEqual(Array.from({ length: 3 }, () => adapter.bucket?.key));
  expect(seen.filter(({ line }) => line.startsWith('GET'))).toHaveLength(1);
});

test.each([
  [{ mrn_field: 'patientid' }, '48', '49', false],
  [{ mrn_field: 'patientid' }, '48', '48', true],
  // No patientid: a name of the integrator's own.
  [{ mrn_field: 'patientid' }, 'MRN-48', '49', true],
  [{ mrn_field: 'none' }, '48', '49', true],
  [{}, '48', '49', true],
])('with the settings %j a row with the MRN %s and the id %s agrees: %s', (settings, mrn, id, agrees) => {
  expect(contradiction({ mrn, emrPatientId: id }, { settings }) === null).toBe(agrees);
});
