import { expect, test } from 'vitest';
import { goodNotice, KEY, r4ForTest } from '../../testing/notice.ts';
import { goodPayment } from '../../testing/sandbox.ts';

const idsIn = (bundle: { entry?: { resource: { id: string } }[] }) =>
  (bundle.entry ?? []).map(({ resource }) => resource.id);

test('every search parameter of R4 chooses, and no other is taken', async () => {
  const { create, get } = await r4ForTest();
  const first = (await create(goodNotice)).json().id;
  const second = (
    await create({
      ...goodNotice,
      identifier: [{ value: 'other' }],
      request: { reference: 'Patient/pat-1002' },
      response: { reference: 'ClaimResponse/7' },
      provider: { reference: 'Practitioner/8' },
      created: '2026-07-01T00:00:00Z',
      paymentStatus: {
        coding: [{ system: 'http://terminology.hl7.org/CodeSystem/paymentstatus', code: 'paid' }],
      },
    })
  ).json().id;
  const expected: [string, string[]][] = [
    ['', [first, second]],
    [`identifier=urn:emr-payments:payment-id%7C${KEY}`, [first]],
    [`identifier=urn:other%7C${KEY}`, []],
    ['identifier=other', [second]],
    [`identifier=other,${KEY}`, [first, second]],
    ['request=Patient/pat-1001', [first]],
    ['request=pat-1002', [second]],
    ['response=ClaimResponse/7', [second]],
    ['provider=Practitioner/8', [second]],
    ['payment-status=paid', [second]],
    ['status=active', [first, second]],
    ['status=cancelled', []],
    ['created=2026-06-15', [first]],
    ['created=ge2026-06-15', [first, second]],
    ['created=gt2026-06-15', [second]],
    ['created=le2026-06-15', [first]],
    ['created=lt2026-06-15', []],
    ['created=gt2026-06-15T10:29:59Z', [first, second]],
    ['_lastUpdated=gt2999-01-01', []],
    [`_id=${second}`, [second]],
    [`request=pat-1001&identifier=${KEY}`, [first]],
    [`request=pat-1002&identifier=${KEY}`, []],
  ];
  for (const [query, ids] of expected) {
    const bundle = (await get(`/PaymentNotice?${query}`)).json();
    expect([bundle.total, idsIn(bundle)], query).toEqual([ids.length, ids]);
  }
  for (const query of [
    'patient=pat-1001',
    'request:Patient=pat-1001',
    'payee=1',
    '_tag=a',
    '_sort=created',
    'created=yesterday',
    'created=sa2026-01-01',
    'identifier=',
    'identifier=a&identifier=b',
    '_count=many',
  ]) {
    const answer = await get(`/PaymentNotice?${query}`);
    expect([answer.statusCode, answer.json().resourceType], query).toEqual([400, 'OperationOutcome']);
  }
});

test('pages lead to every posting', async () => {
  const { create, get } = await r4ForTest();
  const made: string[] = [];
  for (let number = 0; number < 5; number += 1) made.push((await create(goodNotice)).json().id);
  const seen: string[] = [];
  let next: string | undefined = `/PaymentNotice?_count=2&identifier=${KEY}`;
  while (next !== undefined) {
    const page: { link: { relation: string; url: string }[] } = (await get(next)).json();
    seen.push(...idsIn(page as object));
    next = page.link.find(({ relation }) => relation === 'next')?.url.split('/fhir/r4')[1];
  }
  expect(seen).toEqual(made);
});

test('a PUT voids a payment, which a search and a conditional create then show', async () => {
  const { create, get, send } = await r4ForTest();
  const { id } = (await create(goodNotice)).json();
  const put = (status: string) =>
    send('PUT', `/PaymentNotice/${id}`, { body: { ...goodNotice, id, status } });
  expect((await put('active')).statusCode).toBe(422);
  const voided = await put('cancelled');
  expect([voided.statusCode, voided.json().status, voided.headers.etag]).toEqual([200, 'cancelled', 'W/"2"']);
  const found = (await get('/PaymentNotice?status=cancelled')).json();
  expect(found.entry[0].resource).toMatchObject({ id, status: 'cancelled', meta: { versionId: '2' } });
  const again = await create(goodNotice, { 'if-none-exist': `identifier=${KEY}` });
  expect([again.statusCode, again.json().status]).toEqual([200, 'cancelled']);
  expect((await send('PUT', '/PaymentNotice/1', { body: goodNotice })).statusCode).toBe(404);
});

test('it gives entries of another dialect as PaymentNotice, in the form that it would take', async () => {
  const { app, create, get } = await r4ForTest();
  await app.inject({
    method: 'POST',
    url: '/fhir/PaymentReconciliation',
    headers: { authorization: 'Bearer sesame', 'content-type': 'application/fhir+json' },
    body: JSON.stringify(goodPayment),
  });
  const [{ resource }] = (await get(`/PaymentNotice?identifier=${KEY}`)).json().entry;
  const { id, meta: _, ...notice } = resource;
  expect(notice).toMatchObject({
    request: goodNotice.request,
    amount: goodNotice.amount,
    paymentDate: goodNotice.paymentDate,
    recipient: goodNotice.recipient,
  });
  expect((await create(notice)).statusCode).toBe(201);
  const fields = ({ seq: _seq, emr_transaction_id: _id, received_at: _at, dialect: _d, ...rest }: Entry) =>
    rest;
  type Entry = Record<'seq' | 'emr_transaction_id' | 'received_at' | 'dialect', unknown>;
  const [first, second] = (await app.inject('/sandbox/ledger')).json().entries;
  expect(first.emr_transaction_id).toBe(id);
  expect(fields(second)).toEqual(fields(first));
});

test.each([
  ['/Patient?identifier=MRN-12345', 'pat-1001'],
  ['/Location?identifier=1404', 'loc-main'],
  ['/Organization?identifier=urn:emr-payments:organization%7Cpractice', 'practice'],
  ['/ValueSet?url=urn:emr-payments:payment-methods', 'payment-methods'],
])('%s finds %s', async (url, id) => {
  const { get } = await r4ForTest();
  expect((await get(url)).json()).toMatchObject({ total: 1, entry: [{ resource: { id } }] });
});

test('the methods are a ValueSet that can be expanded, and Organization can be read', async () => {
  const { get } = await r4ForTest();
  const { contains } = (await get('/ValueSet/$expand?url=urn:emr-payments:payment-methods')).json().expansion;
  expect(contains[0]).toEqual({ system: 'urn:emr-payments:payment-method', code: 'CARD', display: 'Card' });
  expect((await get('/Organization/practice')).json().name).toBe('Made-up Family Practice');
  expect((await get('/Organization/no')).statusCode).toBe(404);
});

test('the CapabilityStatement is of R4, needs no token and follows the capabilities', async () => {
  const { app } = await r4ForTest();
  const payments = async () => {
    const statement = (await app.inject('/fhir/r4/metadata')).json();
    expect(statement.fhirVersion).toBe('4.0.1');
    return statement.rest[0].resource.find(({ type }: { type: string }) => type === 'PaymentNotice');
  };
  const able = await payments();
  expect([able.conditionalCreate, able.searchParam.map(({ name }: { name: string }) => name)]).toEqual([
    true,
    [
      'created',
      'identifier',
      'payment-status',
      'provider',
      'request',
      'response',
      'status',
      '_id',
      '_lastUpdated',
    ],
  ]);
  const body = { conditional_create: false, search: false };
  await app.inject({ method: 'PUT', url: '/sandbox/capabilities', body });
  const unable = await payments();
  expect([unable.conditionalCreate, unable.searchParam]).toEqual([false, undefined]);
});
