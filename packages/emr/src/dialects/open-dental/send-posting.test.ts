import { expect, onTestFinished, test } from 'vitest';
import { sending } from '../../conformance/rule.ts';
import { localAdapterDeps } from '../../local-deps.ts';
import type { Posting } from '../../posting.ts';
import { openOffice } from './office.fixture.ts';
import { paymentBody } from './send-posting.ts';

const posting = (change: Partial<Posting> = {}): Posting => ({
  paymentId: '0c3151bd1cbf4d64b04dcd9187a4c6e0',
  emrPatientId: '1337',
  amount: '9999999999.99',
  referenceNumber: 'R "1" \\',
  notes: 'a\n"b"',
  depositDate: '2026-06-15',
  method: { id: '69', name: 'Check' },
  location: { id: '3', name: 'Main' },
  ...change,
});

test('keys of 19 digits are written digit by digit, the amount exactly, and texts as JSON', () => {
  const text = paymentBody(posting({ emrPatientId: '9223372036854775807' }));
  expect(text).toContain('"PatNum":9223372036854775807,');
  expect(JSON.parse(text)).toMatchObject({
    PayAmt: '9999999999.99',
    CheckNum: 'R "1" \\',
    PayNote: '[emr-payments 0c3151bd1cbf4d64b04dcd9187a4c6e0] a\r\n"b"',
    isPatientPreferred: 'true',
  });
});

test('without a clinic no ClinicNum is sent', () => {
  expect(JSON.parse(paymentBody(posting({ location: { id: '', name: 'Main' } })))).not.toHaveProperty(
    'ClinicNum',
  );
});

test.each([
  ['unknown_patient', { emrPatientId: 'pat-1001' }],
  ['unknown_patient', { emrPatientId: '1,"PayAmt":1' }],
  ['unknown_payment_method', { method: { id: 'CARD', name: 'Card' } }],
])('%s: nothing is sent with %j', async (code, change) => {
  const { adapter, asked, close } = await openOffice();
  onTestFinished(close);
  const outcome = await adapter.post(posting(change), {
    signal: AbortSignal.timeout(60_000),
    mayStillSend: () => true,
  });
  expect(outcome).toMatchObject({ outcome: 'refused', code });
  expect(asked).toEqual([]);
});

test('every call takes its place in the bucket of the keys', async () => {
  const taken: string[] = [];
  const local = localAdapterDeps();
  const calls = {
    ...local.calls,
    take: async ({ key }: { key: string }) => {
      taken.push(key);
      return { granted: true as const };
    },
  };
  const { adapter, asked, close } = await openOffice({ deps: { ...local, calls } });
  onTestFinished(close);
  const options = sending();
  await adapter.list(options);
  await adapter.post(posting(), options);
  await adapter.find?.({ ...posting(), sentAt: null, leftBy: null }, options);
  expect(taken).toEqual(asked.map(() => adapter.bucket?.key));
  // Two lists, the payment, and in the look-up the payments and the patient.
  expect(taken).toHaveLength(5);
});
