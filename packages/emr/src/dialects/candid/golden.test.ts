import { expect, test } from 'vitest';
import { sending } from '../../conformance/rule.ts';
import { somePosting } from '../../testing/vendor-server.fixture.ts';
import { candidAt, ENTRY_ID, entry } from './candid.fixture.ts';

/** https://docs.joincandidhealth.com/api-reference/auth/v-2/get-token */
const GOLDEN_TOKEN = `POST /api/auth/v2/token
accept: application/json
content-type: application/json

{"client_id":"client-4711","client_secret":"sesame"}`;

/** https://docs.joincandidhealth.com/api-reference/patient-payments/v-4/create */
const GOLDEN = `POST /api/patient-payments/v4
accept: application/json
authorization: Bearer token-1
content-type: application/json

{"amount_cents":35010,"payment_timestamp":"2026-06-15T12:00:00Z","payment_note":"Reference: #123456\\nCopay","patient_external_id":"415","allocations":[{"amount_cents":35010,"target":{"type":"unattributed"}}],"payment_method_detail":{"payment_method":{"type":"check","check_number":"#123456"}},"source_internal_id":"123e4567e89b12d3a456426614174001"}`;

/** The request with its headers in an order that does not depend on the client. */
function sorted(request: string): string {
  const [head = '', ...body] = request.split('\n\n');
  const [line, ...headers] = head.split('\n');
  return [[line, ...headers.sort()].join('\n'), ...body].join('\n\n');
}

const CHECK = { id: 'check', name: 'Check' };

test('the bytes of a token request and of a payment', async () => {
  const { adapter, seen } = await candidAt({ 'POST /api/patient-payments/v4': { body: entry() } });
  expect(await adapter.post(somePosting({ method: CHECK }), sending())).toEqual({
    outcome: 'posted',
    emrTransactionId: ENTRY_ID,
  });
  expect(seen.map(sorted)).toEqual([GOLDEN_TOKEN, GOLDEN]);
});

test.each([
  ['cash', { type: 'cash' }],
  ['card', { type: 'card' }],
  ['money_order', { type: 'money_order', money_order_serial_number: '#123456' }],
])('the method %s', async (id, payment_method) => {
  const { adapter, seen } = await candidAt({ 'POST /api/patient-payments/v4': { body: entry() } });
  await adapter.post(somePosting({ method: { id, name: id }, notes: null }), sending());
  const [, body = ''] = seen.at(-1)?.split('\n\n') ?? [];
  expect(JSON.parse(body)).toMatchObject({
    payment_method_detail: { payment_method },
    payment_note: 'Reference: #123456',
  });
});

test.each([
  ['0.01', 1],
  ['0.29', 29],
  ['1.15', 115],
  ['1234567.89', 123_456_789],
  ['9999999999.99', 999_999_999_999],
])('%s dollars are %i cents, wholly unattributed', async (amount, cents) => {
  const { adapter, seen } = await candidAt({ 'POST /api/patient-payments/v4': { body: entry() } });
  await adapter.post(somePosting({ method: CHECK, amount }), sending());
  const [, body = ''] = seen.at(-1)?.split('\n\n') ?? [];
  expect(JSON.parse(body)).toMatchObject({
    amount_cents: cents,
    allocations: [{ amount_cents: cents, target: { type: 'unattributed' } }],
  });
});
