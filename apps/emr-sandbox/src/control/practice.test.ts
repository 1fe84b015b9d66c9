import { expect, test } from 'vitest';
import { sandboxForTest } from '../testing/sandbox.ts';

/** Everything of the practice by its control routes. */
async function practiceForTest(options: Parameters<typeof sandboxForTest>[0] = {}) {
  const sandbox = await sandboxForTest(options);
  const send = async (method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: object) => {
    const answer = await sandbox.app.inject({
      method,
      url: `/sandbox${path}`,
      ...(body === undefined ? {} : { body }),
    });
    return { status: answer.statusCode, json: answer.body === '' ? null : answer.json() };
  };
  return { ...sandbox, send };
}

test('a person at the practice adds, changes and deletes a patient', async () => {
  const { send } = await practiceForTest();
  const added = await send('POST', '/patients', { id: 'pat-9', mrn: 'MRN-9', given: 'Nia', family: 'New' });
  expect(added).toMatchObject({
    status: 201,
    json: { id: 'pat-9', number: 6, mrn: 'MRN-9', status: 'active', merged_into: null },
  });
  expect((await send('POST', '/patients', { id: 'pat-9' })).status).toBe(409);
  expect((await send('POST', '/patients', { id: 'made-3' })).status).toBe(409);
  expect((await send('POST', '/patients', { mrn: 'MRN-10' })).json.id).toMatch(/^pat-/);
  const changed = await send('PUT', '/patients/pat-9', { mrn: 'MRN-12345', status: 'inactive' });
  expect(changed.json).toMatchObject({ mrn: 'MRN-12345', given: 'Nia', status: 'inactive' });
  expect(changed.json.updated_at > added.json.updated_at).toBe(true);
  // Two patients of one practice can have one MRN.
  expect((await send('GET', '/patients?mrn=MRN-12345')).json.patients).toHaveLength(2);
  expect((await send('PUT', '/patients/pat-9', { mrn: null })).json.mrn).toBeNull();
  expect((await send('DELETE', '/patients/pat-9')).json.status).toBe('deleted');
  for (const [method, path, body] of [
    ['PUT', '/patients/no', {}],
    ['DELETE', '/patients/no', undefined],
    ['GET', '/patients/no', undefined],
  ] as const)
    expect((await send(method, path, body)).status).toBe(404);
  for (const body of [{ status: 'gone' }, { birth_date: '1.1.1931' }, { name: 'x' }])
    expect((await send('PUT', '/patients/pat-1001', body)).status).toBe(400);
});

test('two patients on file can be merged, once', async () => {
  const { send } = await practiceForTest();
  const merge = (from: string, into: string) => send('POST', `/patients/${from}/merge`, { into });
  expect((await merge('pat-1001', 'pat-1002')).json).toMatchObject({ merged_into: 'pat-1002' });
  expect((await merge('pat-1001', 'pat-1003')).status).toBe(409);
  expect((await merge('pat-1003', 'pat-1003')).status).toBe(409);
  expect((await merge('pat-1003', 'no')).status).toBe(404);
  const { json } = await send('GET', '/practice');
  expect([json.patients, json.changes.map(({ what }: { what: string }) => what)]).toEqual([
    4,
    ['patient merged', 'patient merged into'],
  ]);
});

test('patients are made by number, listed in pages, and never fewer', async () => {
  const { send } = await practiceForTest();
  expect((await send('PUT', '/made-patients', { count: 2500 })).json).toEqual({
    count: 2500,
    first_number: 1_000_001,
  });
  expect((await send('PUT', '/made-patients', { count: 5 })).status).toBe(409);
  expect((await send('GET', '/practice')).json.patients).toBe(2505);
  let [after, seen] = [0, 0];
  for (;;) {
    const { patients } = (await send('GET', `/patients?limit=1000&after=${after}`)).json;
    if (patients.length === 0) break;
    seen += patients.length;
    after = patients.at(-1).number;
  }
  expect([after, seen]).toEqual([1_002_500, 2505]);
});

test('the changes of the practice are there after a restart', async () => {
  const first = await practiceForTest();
  await first.send('PUT', '/made-patients', { count: 10 });
  await first.send('PUT', '/patients/made-4', { mrn: 'MRN-4' });
  await first.send('POST', '/patients/pat-1001/merge', { into: 'pat-1002' });
  await first.send('POST', '/locations', { id: 'loc-new', name: 'New Clinic' });
  await first.send('DELETE', '/locations/loc-river');
  await first.send('DELETE', '/methods/HSA');
  const paths = ['/patients', '/locations', '/methods'];
  const before = await Promise.all(paths.map((path) => first.send('GET', path)));
  const again = await practiceForTest({ ledgerFile: first.path });
  expect(await Promise.all(paths.map((path) => again.send('GET', path)))).toEqual(before);
});

test('locations and methods are added, renamed, closed and removed', async () => {
  const { app, send } = await practiceForTest();
  expect(
    await send('POST', '/locations', { id: 'loc-n', name: 'Noon Clinic', identifiers: ['1407'] }),
  ).toMatchObject({ status: 201, json: { number: 4, active: true } });
  expect((await send('POST', '/locations', { id: 'loc-n', name: 'x' })).status).toBe(409);
  await send('PUT', '/locations/loc-n', { name: 'Late Clinic', active: false });
  expect((await app.inject('/fhir/Location/loc-n')).json()).toMatchObject({
    name: 'Late Clinic',
    status: 'inactive',
    identifier: [{ value: '1407' }],
  });
  expect((await send('DELETE', '/locations/loc-n')).status).toBe(204);
  expect((await app.inject('/fhir/Location/loc-n')).statusCode).toBe(410);
  expect((await app.inject('/fhir/Location')).json().total).toBe(3);
  expect((await send('PUT', '/locations/loc-n', {})).status).toBe(404);
  // A number is not given a second time.
  expect((await send('POST', '/locations', { name: 'Next' })).json.number).toBe(5);

  expect((await send('POST', '/methods', { id: 'GIFT', name: 'Gift Card' })).status).toBe(201);
  expect((await send('POST', '/methods', { id: 'GIFT', name: 'x' })).status).toBe(409);
  await send('PUT', '/methods/GIFT', { name: 'Voucher' });
  await send('DELETE', '/methods/CASH');
  const { concept } = (await app.inject('/fhir/CodeSystem/payment-methods')).json();
  expect(concept).toContainEqual({ code: 'GIFT', display: 'Voucher' });
  expect(concept).not.toContainEqual(expect.objectContaining({ code: 'CASH' }));
  expect((await send('DELETE', '/methods/CASH')).status).toBe(404);
});
