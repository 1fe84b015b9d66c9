import type { AddressInfo } from 'node:net';
import { sendRaw, spoiled, URL_VALUES } from '@emr-payments/testkit';
import { expect, test } from 'vitest';
import { goodPayment, sandboxForTest } from './testing/sandbox.ts';

test('no path, query, header or body is an error of ours', async () => {
  const { app } = await sandboxForTest();
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  const expectNoFault = async (request: Parameters<typeof sendRaw>[1]) => {
    const { status, body } = await sendRaw({ port }, request);
    expect(status, `${JSON.stringify(request)}: ${body}`).toBeLessThan(500);
  };

  const resources = [
    'metadata',
    'Patient',
    'Location',
    'PaymentReconciliation',
    'ValueSet',
    'ValueSet/$expand',
    'CodeSystem',
    'X',
  ];
  const fields = ['identifier', '_count', '_offset', '_lastUpdated', 'url', 'x', '%00'];
  for (const value of [...URL_VALUES, '..', '../x', '.%2e/x']) {
    for (const resource of resources) {
      await expectNoFault({ method: 'GET', path: `/fhir/${resource}/${value}` });
      const query = fields.map((field) => `${field}=${value}`);
      for (const each of query) await expectNoFault({ method: 'GET', path: `/fhir/${resource}?${each}` });
    }
    for (const path of ['/', '/sandbox/', '/sandbox/faults/', '/health/']) {
      await expectNoFault({ method: 'GET', path: `${path}${value}` });
      await expectNoFault({ method: 'DELETE', path: `${path}${value}` });
    }
    await expectNoFault({ method: 'GET', path: `/sandbox/ledger?since=${value}` });
  }

  const headers = { 'content-type': 'application/fhir+json' };
  for (const body of [...spoiled(goodPayment), '\0', '"\\ud800"', '{', '[]'])
    await expectNoFault({ method: 'POST', path: '/fhir/PaymentReconciliation', headers, body });
  for (const condition of [
    '',
    '\u0080',
    'identifier=%zz',
    'identifier=%00',
    'identifier=a|b&identifier=c',
    '?',
    '%',
  ])
    await expectNoFault({
      method: 'POST',
      path: '/fhir/PaymentReconciliation',
      headers: { ...headers, 'if-none-exist': condition },
      body: JSON.stringify(goodPayment),
    });

  const json = { 'content-type': 'application/json' };
  const script = { kind: 'latency', match: { path: '/nowhere' }, count: 1, share: 1, seed: 1, latency_ms: 0 };
  for (const body of spoiled(script))
    await expectNoFault({ method: 'POST', path: '/sandbox/faults', headers: json, body });
  for (const body of spoiled({ search: true, books_closed_before: '2020-01-01' }))
    await expectNoFault({ method: 'PUT', path: '/sandbox/capabilities', headers: json, body });
  await expectNoFault({ method: 'GET', path: '/sandbox/ledger' });
}, 60_000);
