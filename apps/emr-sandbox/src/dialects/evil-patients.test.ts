import type { AddressInfo } from 'node:net';
import { sendRaw, spoiled, URL_VALUES } from '@emr-payments/testkit';
import { expect, test } from 'vitest';
import { KEY, LOGINS } from '../testing/logins.ts';
import { sandboxForTest } from '../testing/sandbox.ts';

async function listening() {
  const { app } = await sandboxForTest({ token: KEY, patients: 3 });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  const expectNoFault = async (request: Parameters<typeof sendRaw>[1]) => {
    const { status, body } = await sendRaw({ port }, request);
    expect(status, `${JSON.stringify(request)}: ${body}`).toBeLessThan(500);
  };
  return { app, expectNoFault };
}

/** The collection of patients in each dialect, and the parameters that it reads. */
const LISTS: Record<string, [path: string, fields: string[]]> = {
  'fhir-r4': ['/fhir/r4/Patient', ['active', '_sort', '_cursor', 'identifier']],
  canvas: ['/canvas/Patient', ['identifier', '_sort', 'active', 'phone', '_count', '_offset', '_id']],
  nexhealth: [
    '/nexhealth/patients',
    [
      'foreign_id',
      'updated_since',
      'inactive',
      'end_cursor',
      'start_cursor',
      'sort',
      'per_page',
      'phone_number',
    ],
  ],
  athena: ['/athena/v1/1/patients', ['lastname', 'dob', 'limit', 'offset', 'anyphone']],
  drchrono: ['/drchrono/api/patients', ['chart_id', 'since', 'cursor', 'page_size', 'doctor', 'last_name']],
  candid: ['/candid/patients/v1', ['mrn', 'since']],
};

test.each(LOGINS.filter(({ name }) => name in LISTS))(
  '$name: no path and no query of patients is an error of ours',
  async ({ name, headers }) => {
    const { app, expectNoFault } = await listening();
    const [path, fields] = LISTS[name] as [string, string[]];
    const known = { headers: await headers(app, KEY), method: 'GET' } as const;
    const place = name === 'nexhealth' ? 'subdomain=demo-practice&location_id=1&' : '';
    const paths = name === 'candid' ? [path, `${path}/get_multi`, `${path}/updates/scan`] : [path];
    for (const value of URL_VALUES) {
      await expectNoFault({ ...known, path: `${path}/${value}?${place}` });
      for (const each of paths)
        for (const field of [...fields, ...(each === path ? [] : ['limit', 'page_token', 'maxResults'])])
          await expectNoFault({ ...known, path: `${each}?${place}${field}=${value}` });
    }
  },
  60_000,
);

test('no control of the practice and no page of OAuth has an error of ours', async () => {
  const { expectNoFault } = await listening();
  const typed = { 'content-type': 'application/json' };
  for (const value of URL_VALUES) {
    for (const path of ['/sandbox/patients?mrn=', '/sandbox/patients?after=', '/sandbox/patients/'])
      await expectNoFault({ method: 'GET', path: `${path}${value}` });
    for (const path of ['/sandbox/patients/', '/sandbox/locations/', '/sandbox/methods/'])
      await expectNoFault({ method: 'DELETE', path: `${path}${value}` });
    for (const page of ['/drchrono/o/authorize/', '/fhir/r4/oauth/authorize'])
      for (const field of ['client_id', 'client_id=sandbox-app&redirect_uri', 'state'])
        await expectNoFault({ method: 'GET', path: `${page}?${field}=${value}` });
  }
  const bodies: ['POST' | 'PUT', string, object][] = [
    ['POST', '/sandbox/patients', { id: 'p', mrn: 'M', given: 'G', family: 'F', birth_date: '1931-07-15' }],
    ['PUT', '/sandbox/patients/pat-1002', { mrn: 'M', status: 'inactive' }],
    ['POST', '/sandbox/patients/pat-1003/merge', { into: 'pat-1004' }],
    ['POST', '/sandbox/locations', { id: 'l', name: 'L', identifiers: ['1'] }],
    ['PUT', '/sandbox/locations/loc-main', { name: 'L', active: true }],
    ['POST', '/sandbox/methods', { id: 'M', name: 'N' }],
    ['PUT', '/sandbox/made-patients', { count: 5 }],
    [
      'PUT',
      '/sandbox/oauth/application',
      { client_id: 'a', client_secret: 'b', redirect_uris: ['http://h/'] },
    ],
    ['PUT', '/sandbox/credentials', { secret: 'x' }],
  ];
  for (const [method, path, good] of bodies)
    for (const body of [...spoiled(good), '{', '[]', 'null', '\0'])
      await expectNoFault({ method, path, headers: typed, body });
}, 60_000);
