import { expect, test } from 'vitest';
import { json, refusal, startScriptedApi } from './scripted-api.fixture.ts';

const PATIENT = {
  ...{ mrn: 'A/7 ä', emr_patient_id: 'p1', state: 'active', source: 'import' },
  synced_at: '2026-06-15T10:30:00.000Z',
};
const page = (data: object[]) =>
  json(200, { success: true, message: 'Patients.', data, has_more: false, next_cursor: null });

test('find gives the patient, or null', async () => {
  const { client, received } = await startScriptedApi([page([PATIENT]), page([])]);
  expect(await client.patients.find('A/7 ä')).toEqual(PATIENT);
  expect(await client.patients.find('B')).toBeNull();
  expect(received.map(({ url }) => new URL(url, 'http://a').searchParams.get('mrn'))).toEqual(['A/7 ä', 'B']);
});

test('put encodes the MRN, and is sent again when no answer came', async () => {
  const { client, received } = await startScriptedApi([
    refusal(503, { code: 'service_unavailable', safe_to_retry: true }, { 'retry-after': '0' }),
    json(502, {}),
    json(200, { success: true, message: 'Patient stored.', data: PATIENT }),
  ]);
  expect(await client.patients.put('A/7 ä', 'p1')).toEqual(PATIENT);
  expect(received.map(({ method, url, body }) => [method, url, body])).toEqual(
    Array(3).fill(['PUT', '/v1/patients/A%2F7%20%C3%A4', '{"emr_patient_id":"p1"}']),
  );
});

test('import sends the file as it is', async () => {
  const report = { dry_run: true, added: 1 };
  const { client, received } = await startScriptedApi([
    json(200, { success: true, message: 'Imported.', data: report }),
  ]);
  const file = 'mrn,emr_patient_id\n"A\n7",p1\n';
  expect(await client.patients.import(file, { dry_run: true })).toEqual(report);
  expect(received).toMatchObject([
    {
      method: 'POST',
      url: '/v1/patients:import?dry_run=true',
      body: file,
      headers: { 'content-type': 'text/csv' },
    },
  ]);
});
