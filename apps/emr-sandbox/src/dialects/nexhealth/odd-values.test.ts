import type { AddressInfo } from 'node:net';
import { sendRaw, spoiled, URL_VALUES } from '@emr-payments/testkit';
import { expect, test } from 'vitest';
import { nexhealthForTest, payment } from './nexhealth.fixture.ts';

test('no path, query, header or body is an error of ours', async () => {
  const { app, good } = await nexhealthForTest();
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  const expectNoFault = async (request: Parameters<typeof sendRaw>[1]) => {
    const headers = { ...good, ...request.headers };
    const { status, body } = await sendRaw({ port }, { ...request, headers });
    expect(status, `${JSON.stringify(request)}: ${body}`).toBeLessThan(500);
  };
  const resources = [
    'payments',
    'payment_types',
    'patients',
    'locations',
    'sync_status',
    'webhook_endpoints',
  ];
  const fields = [
    'subdomain',
    'location_id',
    'patient_id',
    'transaction_id',
    'end_cursor',
    'per_page',
    'sort',
    'x',
  ];
  for (const value of URL_VALUES) {
    for (const resource of resources) {
      await expectNoFault({ method: 'GET', path: `/nexhealth/${resource}/${value}` });
      for (const field of fields)
        await expectNoFault({
          method: 'GET',
          path: `/nexhealth/${resource}?subdomain=demo-practice&location_id=1&updated_since=2020-01-01&${field}=${value}`,
        });
    }
  }
  const headers = { 'content-type': 'application/json' };
  const path = '/nexhealth/payments?subdomain=demo-practice&location_id=1';
  for (const body of [...spoiled({ payment }), '\0', '"\\ud800"', '{', '[]', 'null'])
    await expectNoFault({ method: 'POST', path, headers, body });
  for (const body of spoiled({ target_url: 'http://127.0.0.1:9/' }))
    await expectNoFault({ method: 'POST', path: '/nexhealth/webhook_endpoints', headers, body });
  const controls = {
    financial_data: true,
    write_status: 'green',
    insertions: 'written',
    split_rows: 'never',
  };
  for (const body of spoiled(controls))
    await expectNoFault({ method: 'PUT', path: '/sandbox/nexhealth', headers, body });
  await expectNoFault({ method: 'GET', path: '/sandbox/ledger' });
}, 60_000);
