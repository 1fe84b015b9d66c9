import { expect, test } from 'vitest';
import { sending } from '../../conformance/rule.ts';
import { somePosting } from '../../testing/vendor-server.fixture.ts';
import { drchronoAt, row } from './drchrono.fixture.ts';

/** The renewal of the login (https://app.drchrono.com/api-docs/tutorial/), once in 48 hours. */
const GOLDEN_TOKEN = `POST /o/token/
accept: application/json
content-type: application/x-www-form-urlencoded

refresh_token=refresh-1&grant_type=refresh_token&client_id=app&client_secret=sesame`;

/** The request as DrChrono documents it: https://app.drchrono.com/api-docs/, patient_payments, `CashPayment`. */
const GOLDEN = `POST /api/patient_payments
accept: application/json
x-drc-api-version: v4
content-type: application/json
authorization: Bearer token-1

{"patient":415,"doctor":12,"amount":350.1,"payment_method":"CHCK","payment_transaction_type":"","received_date":"2026-06-15","trace_number":"#123456","notes":"[emr-payments 123e4567e89b12d3a456426614174001] Copay"}`;

/** `GOLDEN` with the headers in an order that does not depend on the client. */
function sorted(request: string): string {
  const [head = '', ...body] = request.split('\n\n');
  const [line, ...headers] = head.split('\n');
  return [[line, ...headers.sort()].join('\n'), ...body].join('\n\n');
}

test('the bytes of a token request and of a payment', async () => {
  const { adapter, seen } = await drchronoAt(
    { 'POST /api/patient_payments': { status: 201, body: row() } },
    { doctor: 12 },
  );
  expect(await adapter.post(somePosting(), sending())).toEqual({
    outcome: 'posted',
    emrTransactionId: '9001',
  });
  expect(seen.map(sorted)).toEqual([GOLDEN_TOKEN, GOLDEN].map(sorted));
});

test('a payment without notes has the marker alone, and no doctor unless the connection names one', async () => {
  const { adapter, seen } = await drchronoAt({
    'POST /api/patient_payments': { status: 201, body: row() },
  });
  await adapter.post(somePosting({ notes: null }), sending());
  const [, body = ''] = seen.at(-1)?.split('\n\n') ?? [];
  expect(JSON.parse(body)).toMatchObject({ notes: '[emr-payments 123e4567e89b12d3a456426614174001]' });
  expect(body).not.toContain('doctor');
});
