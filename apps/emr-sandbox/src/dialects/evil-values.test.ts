import type { AddressInfo } from 'node:net';
import { sendRaw, spoiled, URL_VALUES } from '@emr-payments/testkit';
import { expect, test } from 'vitest';
import { goodNotice } from '../testing/notice.ts';
import { sandboxForTest } from '../testing/sandbox.ts';
import { goodPayment } from './open-dental/office.fixture.ts';

async function listening() {
  const { app } = await sandboxForTest({ token: 'sesame' });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  return async (request: Parameters<typeof sendRaw>[1]) => {
    const { status, body } = await sendRaw({ port }, request);
    expect(status, `${JSON.stringify(request)}: ${body}`).toBeLessThan(500);
    return body;
  };
}

const JSON_TYPE = 'application/json';
const FORM_TYPE = 'application/x-www-form-urlencoded';
const BODIES = ['\0', '"\\ud800"', '{', '[]', 'null'];

test('fhir-r4: no path, query, header or body is an error of ours', async () => {
  const expectNoFault = await listening();
  const headers = { authorization: 'Bearer sesame' };
  const resources = [
    'metadata',
    'Patient',
    'Organization',
    'PaymentNotice',
    'ValueSet/$expand',
    'oauth',
    'X',
  ];
  const fields = ['identifier', '_id', 'created', 'status', 'request', '_lastUpdated', '_count', 'x', '%00'];
  for (const value of URL_VALUES) {
    for (const resource of resources) {
      await expectNoFault({ method: 'GET', path: `/fhir/r4/${resource}/${value}`, headers });
      for (const field of fields)
        await expectNoFault({ method: 'GET', path: `/fhir/r4/${resource}?${field}=${value}`, headers });
    }
  }
  const typed = { ...headers, 'content-type': 'application/fhir+json' };
  for (const body of [...spoiled(goodNotice), ...BODIES]) {
    await expectNoFault({ method: 'POST', path: '/fhir/r4/PaymentNotice', headers: typed, body });
    await expectNoFault({ method: 'PUT', path: '/fhir/r4/PaymentNotice/13969262', headers: typed, body });
    await expectNoFault({ method: 'POST', path: '/fhir/r4/oauth/register', headers: typed, body });
  }
  for (const condition of ['', 'identifier=%zz', 'identifier=%00', 'identifier=a|b&request=%', '?', '%'])
    await expectNoFault({
      method: 'POST',
      path: '/fhir/r4/PaymentNotice',
      headers: { ...typed, 'if-none-exist': condition },
      body: JSON.stringify(goodNotice),
    });
  const form = { 'content-type': FORM_TYPE };
  for (const authorization of ['Basic', 'Basic !', 'Basic JXp6OiV6eg==', 'Basic Og==']) {
    const body = 'grant_type=client_credentials';
    const asked = { ...form, authorization };
    await expectNoFault({ method: 'POST', path: '/fhir/r4/oauth/token', headers: asked, body });
  }
  for (const assertion of ['', '.', '..', 'e30.e30.e30', 'bnVsbA.bnVsbA.', '%00']) {
    const body = `grant_type=client_credentials&scope=a&client_assertion=${assertion}`;
    await expectNoFault({ method: 'POST', path: '/fhir/r4/oauth/token', headers: form, body });
  }
}, 60_000);

test('canvas: no path, query, header or body is an error of ours', async () => {
  const expectNoFault = await listening();
  const path = '/canvas/auth/token/';
  const body = 'grant_type=client_credentials&client_id=a&client_secret=sesame';
  const answer = await expectNoFault({ method: 'POST', path, headers: { 'content-type': FORM_TYPE }, body });
  const headers = { authorization: `Bearer ${JSON.parse(answer).access_token}` };
  for (const value of URL_VALUES) {
    await expectNoFault({ method: 'GET', path: `/canvas/PaymentNotice/${value}`, headers });
    for (const field of ['request', '_count', '_offset', 'x'])
      await expectNoFault({ method: 'GET', path: `/canvas/PaymentNotice?${field}=${value}`, headers });
  }
  const example = {
    resourceType: 'PaymentNotice',
    status: 'active',
    request: { reference: 'Patient/pat-1001' },
    created: '2023-09-12',
    payment: {},
    recipient: {},
    amount: { value: 10, currency: 'USD' },
  };
  const typed = { ...headers, 'content-type': JSON_TYPE };
  for (const spoiledBody of [...spoiled(example), ...BODIES]) {
    const create = {
      method: 'POST',
      path: '/canvas/PaymentNotice',
      headers: typed,
      body: spoiledBody,
    } as const;
    await expectNoFault(create);
    await expectNoFault({ ...create, path });
  }
}, 60_000);

test('open-dental: no path, query, header or body is an error of ours', async () => {
  const expectNoFault = await listening();
  const headers = { authorization: 'ODFHIR dev1/sesame' };
  const api = '/open-dental/api/v1';
  const resources = ['patients', 'patients/Simple', 'payments', 'definitions', 'clinics', 'x'];
  const fields = ['ChartNumber', 'LName', 'showArchived', 'PatStatus', 'DateTStamp', 'PatNum', 'Offset'];
  for (const value of URL_VALUES) {
    for (const resource of resources) {
      await expectNoFault({ method: 'GET', path: `${api}/${resource}/${value}`, headers });
      for (const field of fields)
        await expectNoFault({ method: 'GET', path: `${api}/${resource}?${field}=${value}`, headers });
    }
    await expectNoFault({ method: 'PUT', path: `/sandbox/open-dental/patients/${value}`, headers: {} });
  }
  const typed = { ...headers, 'content-type': JSON_TYPE };
  for (const body of [...spoiled(goodPayment), ...BODIES])
    await expectNoFault({ method: 'POST', path: `${api}/payments`, headers: typed, body });
  for (const body of [...spoiled({ ChartNumber: 'C1', PatStatus: 'Patient' }), ...BODIES])
    await expectNoFault({ method: 'PUT', path: '/sandbox/open-dental/patients/1', headers: typed, body });
  for (const authorization of ['', 'ODFHIR', 'ODFHIR /', 'ODFHIR a/b/c'])
    await expectNoFault({ method: 'GET', path: `${api}/patients`, headers: { authorization } });
}, 60_000);
