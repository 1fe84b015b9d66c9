import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { fhirR5 } from './dialects/fhir-r5/dialect.ts';
import { formDialect } from './testing/form-dialect.ts';
import { goodPayment, sandboxForTest } from './testing/sandbox.ts';

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
const payment = {
  externalrefid: 'p1',
  patient: '2',
  amount: '129.90',
  method: '3',
  note: 'a',
  date: '2026-06-15',
};

async function bothDialects(options: { token?: string; ledgerFile?: string } = {}) {
  const sandbox = await sandboxForTest({ dialects: [fhirR5, formDialect], ...options });
  const post = (path: string, fields: Record<string, string>, headers: Record<string, string> = {}) =>
    sandbox.app.inject({
      method: 'POST',
      url: `/form${path}`,
      headers: { ...FORM, ...headers },
      body: new URLSearchParams(fields).toString(),
    });
  const script = (fault: object) =>
    sandbox.app.inject({ method: 'POST', url: '/sandbox/faults', body: fault });
  return { ...sandbox, post, script };
}

test('a posting made through one dialect is in the ledger, and another dialect finds it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'emr-sandbox-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const ledgerFile = join(folder, 'ledger.jsonl');
  const { app, post, create } = await bothDialects({ ledgerFile });
  expect((await post('/payments', payment)).json()).toEqual({ id: 13_969_262, patient: 2 });
  await create(goodPayment);

  const ledger = (await app.inject('/sandbox/ledger')).json();
  expect(ledger.entries[0]).toMatchObject({
    emr_transaction_id: '13969262',
    payment_id: 'p1',
    patient_mrn: 'MRN-12346',
    amount: 129.9,
    payment_method: 'Check',
    notes: 'a',
  });
  const search = '/fhir/PaymentReconciliation?identifier=urn:emr-payments:payment-id%7Cp1';
  const found = (await app.inject(search)).json();
  expect(found).toMatchObject({
    total: 1,
    entry: [
      {
        resource: {
          id: '13969262',
          paymentIssuer: { reference: 'Patient/pat-1002' },
          amount: { value: 129.9, currency: 'USD' },
          method: { coding: [{ code: 'CHCK' }] },
          processNote: [{ text: 'a' }],
        },
      },
    ],
  });
  expect((await app.inject('/form/payments')).json()).toEqual({
    results: [
      { id: 13_969_262, amount: '129.90' },
      { id: 13_969_263, amount: '350' },
    ],
    next: null,
  });

  await app.close();
  const again = await bothDialects({ ledgerFile });
  expect((await again.app.inject('/sandbox/ledger')).json()).toEqual(ledger);
  expect((await again.app.inject(search)).json().entry).toEqual(found.entry);
});

test('each dialect answers faults in its own manner, and says what `resource` means', async () => {
  const { create, post, script } = await bothDialects();
  await script({ kind: 'too_many_requests', retry_after_seconds: 9 });
  const throttled = await post('/payments', payment);
  expect([throttled.statusCode, throttled.headers['retry-after'], throttled.json()]).toEqual([
    429,
    undefined,
    { error: 'throttled', detail: 'Expected available in 9 seconds.' },
  ]);
  const inFhir = await create(goodPayment);
  expect([inFhir.headers['retry-after'], inFhir.json().issue[0].code]).toEqual(['9', 'throttled']);
});

test('a token endpoint is no create, so faults after the commit leave it alone', async () => {
  const { app, post, script } = await bothDialects({ token: 'sesame' });
  await script({ kind: 'commit_then_500', match: { resource: 'payments' } });
  await script({ kind: 'commit_then_empty' });
  expect((await post('/payments', payment)).statusCode).toBe(401);
  const { access_token } = (await post('/token', { client_secret: 'sesame' })).json();
  const lost = await post('/payments', payment, { authorization: `Bearer ${access_token}` });
  expect([lost.statusCode, lost.json().error]).toEqual([500, 'failed']);
  expect((await app.inject('/sandbox/ledger')).json().count).toBe(1);
});

test('the page names every dialect', async () => {
  const { app } = await bothDialects();
  expect((await app.inject('/')).body).toContain(
    'FHIR R5 at <code>/fhir</code>, Form EMR at <code>/form</code>.',
  );
});

test('numbers of records do not change when a list is replaced', async () => {
  const { app, post } = await bothDialects();
  const concept = [
    { code: 'NEW', display: 'New' },
    { code: 'CHCK', display: 'Cheque' },
  ];
  await app.inject({
    method: 'PUT',
    url: '/fhir/CodeSystem/payment-methods',
    body: { resourceType: 'CodeSystem', id: 'payment-methods', concept },
  });
  await post('/payments', payment);
  await post('/payments', { ...payment, externalrefid: 'p2', method: '7' });
  const { entries } = (await app.inject('/sandbox/ledger')).json();
  expect(entries.map((entry: { payment_method: string }) => entry.payment_method)).toEqual(['Cheque', 'New']);
});
