import { afterAll, beforeAll } from 'vitest';
import { conformance } from '../../conformance/conformance.ts';
import { changeJson, SANDBOX_SECRET, sandboxUnderTest } from '../../conformance/sandbox-under-test.ts';
import type { NeutralEntry, UnderTest } from '../../conformance/under-test.ts';
import { candid } from './adapter.ts';

/** The note begins with the reference number, in a line of its own. */
function toNeutral(entry: NeutralEntry): NeutralEntry {
  const [, referenceNumber = null, notes = null] =
    /^Reference: ([^\n]*)(?:\n([\s\S]*))?$/.exec(entry.notes ?? '') ?? [];
  return { ...entry, referenceNumber, notes };
}

const page = (change: (items: unknown[]) => unknown) =>
  changeJson<{ items: unknown[] }>(({ items }) => change(items));
const foreign = {
  patient_payment_id: '3fa85f64-5717-4562-b3fc-2c963f66afa6',
  organization_id: 'd5e9c84f-c2b2-4bf4-b4b0-7ffd7a9ffc32',
  payment_source: 'MANUAL_ENTRY',
  amount_cents: 1,
  patient_external_id: 'pat-1001',
  allocations: [],
};

const UNCLEAR: UnderTest['unclear'] = [
  {
    name: 'an error in place of the list',
    change: page(() => ({ errorName: 'InternalError', content: {} })),
  },
  { name: 'a list alone', change: page(() => []) },
  {
    name: 'a payment with another id',
    change: page(() => ({ items: [{ ...foreign, source_internal_id: 'a' }] })),
  },
  { name: 'a payment without our id', change: page(() => ({ items: [foreign] })) },
  { name: 'an item that is none', change: page(() => ({ items: [7] })) },
  {
    name: 'the same next page for ever',
    // The sandbox refuses a page that it did not name.
    change: (answer) => ({ ...page(() => ({ items: [], next_page_token: 'a' }))(answer), status: 200 }),
  },
];

const underTest = sandboxUnderTest({
  dialect: candid,
  path: '/candid',
  settings: {},
  unprotected: {},
  needsToken: true,
  capability: 'lookup',
  credentials: {
    good: { client_id: 'suite-client', client_secret: SANDBOX_SECRET },
    rejected: { client_id: 'suite-client-4711', client_secret: 'revoked-secret-4711' },
  },
  answers: 'named',
  again: 'named',
  lists: 'fixed',
  anyName: { method: false, location: true },
  sees: { lookUp: ['amount', 'patient', 'deposit date'], send: [] },
  keyless: false,
  ids: ['3fa85f64-5717-4562-b3fc-2c963f66afa6', 'x'.repeat(900)],
  remarks: [],
  isSend: ({ method, path }) => method === 'POST' && path.endsWith('/api/patient-payments/v4'),
  practice: {
    patientIds: ['pat-1001', 'pat-1002'],
    methods: [
      { given: ' caRD ', code: { id: 'card', name: 'Card' }, inEntry: 'Card' },
      { given: 'check', code: { id: 'check', name: 'Check' }, inEntry: 'Check' },
      { given: 'credit  CARD', code: { id: 'card', name: 'Credit Card' }, inEntry: 'Card' },
      { given: 'Cash', code: { id: 'cash', name: 'Cash' }, inEntry: 'Cash' },
      { given: 'money order', code: { id: 'money_order', name: 'Money Order' }, inEntry: 'Money Order' },
    ],
    locations: [{ given: 'Anywhere', code: { id: '', name: 'Anywhere' }, inEntry: '' }],
  },
  refusals: [
    { name: 'an unknown patient', change: { emrPatientId: 'pat-9' }, code: 'unknown_patient' },
    {
      name: 'a method that Candid does not have',
      change: { method: { id: 'gold', name: 'Gold' } },
      code: 'emr_refused',
    },
    { name: 'a day whose books are closed', change: { depositDate: '2019-12-31' }, code: 'emr_refused' },
  ],
  unclear: UNCLEAR,
  complaint: (words) =>
    JSON.stringify({ errorName: 'UnprocessableEntityError', content: { message: words } }),
  rejection: {
    status: 403,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ errorName: 'UnauthorizedError', content: { message: 'The token is not valid.' } }),
  },
  statusAlone: [],
  statements: [],
  renamed: (answer, id) => ({
    ...answer,
    body: answer.body.replace(/"patient_payment_id":\s*"[^"]*"/, `"patient_payment_id":"${id}"`),
  }),
  limits: {},
  toNeutral,
});

beforeAll(() => underTest.start());
afterAll(() => underTest.stop());
conformance(underTest);
