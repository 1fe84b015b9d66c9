import { afterAll, beforeAll, expect, test } from 'vitest';
import { conformance } from '../../conformance/conformance.ts';
import { patientMistakes } from '../../conformance/patient-mistakes.ts';
import { newPosting, sending } from '../../conformance/rule.ts';
import { sandboxPatients } from '../../conformance/sandbox-patients.ts';
import { SANDBOX_SECRET, sandboxUnderTest } from '../../conformance/sandbox-under-test.ts';
import { UNCLEAR_PAGES, UNCLEAR_SEARCHES, UNREADABLE_PAGES } from '../../fhir/testing/patient-answers.ts';
import { localAdapterDeps } from '../../local-deps.ts';
import { canvas } from './adapter.ts';
import { DROPS } from './check.ts';

const patients = sandboxPatients({ baseUrl: () => emr.sandbox().baseUrl, idOf: ({ id }) => id });
const emr = sandboxUnderTest({
  dialect: canvas,
  path: '/canvas',
  settings: {},
  unprotected: null,
  needsToken: true,
  capability: 'none',
  credentials: {
    good: { client_id: 'suite-app', client_secret: SANDBOX_SECRET },
    rejected: { client_id: 'suite-app-4711', client_secret: 'revoked-secret-4711' },
  },
  answers: 'named',
  again: 'unnamed',
  lists: 'fixed',
  anyName: { method: true, location: true },
  sees: { lookUp: [], send: [] },
  keyless: true,
  ids: ['777094d2-664c-49b9-8926-b17a1b3fff8d', '3a2f4045059146'],
  remarks: [DROPS],
  isSend: ({ method, path }) => method === 'POST' && path.endsWith('/PaymentNotice'),
  practice: {
    patientIds: ['pat-1001', 'pat-1002'],
    methods: [{ given: 'Whatever', code: { id: '', name: 'Whatever' }, inEntry: '' }],
    locations: [{ given: 'Anywhere', code: { id: '', name: 'Anywhere' }, inEntry: '' }],
  },
  refusals: [{ name: 'an unknown patient', change: { emrPatientId: 'pat-9' }, code: 'unknown_patient' }],
  unclear: [],
  patients: {
    ...patients.search({ closedAs: 'inactive', merges: false }),
    unclear: UNCLEAR_SEARCHES,
  },
  patientList: {
    ...patients.list({ changes: false, closedAs: 'inactive', merges: 'hidden' }),
    unclear: UNCLEAR_PAGES,
    unreadable: UNREADABLE_PAGES,
  },
  complaint: (words) =>
    JSON.stringify({
      resourceType: 'OperationOutcome',
      issue: [{ severity: 'error', code: 'invalid', details: { text: words }, diagnostics: words }],
    }),
  rejection: {
    status: 401,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      resourceType: 'OperationOutcome',
      issue: [{ severity: 'error', code: 'unknown', details: { text: 'Authentication failed' } }],
    }),
  },
  statusAlone: [429],
  statements: [],
  renamed: ({ headers: { location = '', ...headers }, ...answer }, id) => ({
    ...answer,
    headers: { ...headers, location: location.replace(/(PaymentNotice\/)[^/]+/, `$1${id}`) },
  }),
  limits: {},
});
beforeAll(() => emr.start());
afterAll(() => emr.stop());
conformance(emr);
patientMistakes(emr);

test('a payment above the balance is refused for its amount', async () => {
  const { baseUrl } = emr.sandbox();
  const set = await fetch(`${baseUrl}/sandbox/capabilities`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ patient_owes: 10 }),
  });
  expect(set.ok).toBe(true);
  const adapter = emr.open({
    baseUrl: emr.baseUrl,
    credentials: emr.credentials.good,
    timeoutMs: 10_000,
    deps: localAdapterDeps(),
  });
  const posting = newPosting(emr, { emrPatientId: 'pat-1003', amount: '10.01' });
  expect(await adapter.post(posting, sending())).toMatchObject({
    outcome: 'refused',
    code: 'amount_refused',
  });
  expect(await adapter.post({ ...posting, amount: '10.00' }, sending())).toMatchObject({ outcome: 'posted' });
});
