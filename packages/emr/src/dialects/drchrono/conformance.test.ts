import { afterAll, beforeAll, describe } from 'vitest';
import { conformance } from '../../conformance/conformance.ts';
import { patientMistakes } from '../../conformance/patient-mistakes.ts';
import { sandboxPatients } from '../../conformance/sandbox-patients.ts';
import {
  changeJson,
  patientNumber,
  SANDBOX_SECRET,
  sandboxUnderTest,
} from '../../conformance/sandbox-under-test.ts';
import type { NeutralEntry, PatientList, PatientSearch, UnderTest } from '../../conformance/under-test.ts';
import { drchrono } from './adapter.ts';

/** Our notes are behind the marker. */
function toNeutral(entry: NeutralEntry): NeutralEntry {
  const notes = entry.notes?.replace(/^\[emr-payments [0-9a-f]{32}\] ?/, '') ?? '';
  return {
    ...entry,
    patientId: patientNumber(entry.patientId),
    notes: notes === '' ? null : notes,
  };
}

type Page = Record<string, unknown>;
const page = changeJson<Page>;
const foreignRow = { id: 1, patient: 999, amount: 1, notes: '', received_date: '2026-06-15' };

const UNCLEAR: UnderTest['unclear'] = [
  { name: 'an error in place of the list', change: page(() => ({ detail: 'Not now.' })) },
  { name: 'a list alone', change: page(() => []) },
  { name: 'both names of the list', change: page((each) => ({ ...each, results: [], data: [] })) },
  { name: 'a payment of another patient', change: page((each) => ({ ...each, results: [foreignRow] })) },
  { name: 'a row that is none', change: page((each) => ({ ...each, results: [7] })) },
  { name: 'a row without an id', change: page((each) => ({ ...each, results: [{ patient: 1 }] })) },
  {
    name: 'a next page elsewhere',
    change: page((each) => ({ ...each, next: 'https://elsewhere.example/' })),
  },
];

type Row = Record<string, unknown>;
/** Changes the rows of a page, under either of its names. */
const rows = (change: (found: readonly Row[]) => unknown) =>
  page(({ results, data, ...each }) => ({
    ...each,
    ...(data === undefined ? { results: change((results ?? []) as Row[]) } : { data: change(data as Row[]) }),
  }));
const NO_LIST: UnderTest['unclear'] = [
  { name: 'an error in place of the list', change: page(() => ({ detail: 'Not now.' })) },
  { name: 'a list alone', change: page(() => []) },
  { name: 'both names of the list', change: page((each) => ({ ...each, results: [], data: [] })) },
  {
    name: 'a next page elsewhere',
    change: page((each) => ({ ...each, next: 'https://elsewhere.example/api/patients?cursor=x' })),
  },
  {
    name: 'a next page of another list',
    change: page((each) => ({ ...each, next: '/api/patient_payments?cursor=x' })),
  },
];
const likePatient = { id: 9, chart_id: 'mrn-123450', patient_status: 'A' };
const other = (change: Row) => rows((found) => [...found, { ...likePatient, ...change }]);
const PATIENTS_UNCLEAR: PatientSearch['unclear'] = [
  ...NO_LIST,
  { name: 'a patient with another number', change: other({ chart_id: 'X-1' }) },
  { name: 'a patient without a number', change: other({ chart_id: null }) },
  { name: 'a number that lost its zeros', change: other({ chart_id: 12345 }) },
  { name: 'a patient whose id cannot be read', change: other({ id: 'nine' }) },
  { name: 'a patient without a status', change: other({ patient_status: null }) },
  { name: 'a status that is not documented', change: other({ patient_status: 'X' }) },
  { name: 'a row that is none', change: rows((found) => [...found, null]) },
];
const last = (change: (row: Row) => unknown) =>
  rows((found) => found.map((row, place) => (place === found.length - 1 ? change(row) : row)));
const UNREADABLE: PatientList['unreadable'] = [
  { name: 'a patient without an id', change: last(({ id: _, ...row }) => row) },
  {
    name: 'a patient whose status is not documented',
    change: last((row) => ({ ...row, patient_status: 'X' })),
  },
  { name: 'a number that lost its zeros', change: last((row) => ({ ...row, chart_id: 12345 })) },
];

// The vendor's own document calls the rows `data`, and the reference beside it `results`.
describe.each(['/drchrono', '/drchrono-data'])('DrChrono at %s', (path) => {
  const patients = sandboxPatients({
    baseUrl: () => underTest.sandbox().baseUrl,
    idOf: ({ number }) => String(number),
  });
  const underTest: ReturnType<typeof sandboxUnderTest> = sandboxUnderTest({
    dialect: drchrono,
    path,
    settings: {},
    unprotected: {},
    needsToken: true,
    ownLogin: (credentials, place) => ({ ...credentials, client_id: `suite-client-${place}` }),
    capability: 'lookup',
    credentials: {
      // The client is another one for each login.
      good: { client_id: 'suite-secret', client_secret: 'suite-secret', refresh_token: SANDBOX_SECRET },
      rejected: {
        client_id: 'suite-client',
        client_secret: 'suite-secret',
        refresh_token: 'ended-refresh-token-4711',
      },
    },
    answers: 'named',
    again: 'named',
    lists: 'fixed',
    anyName: { method: false, location: true },
    // A payment of another patient is in no list of this patient.
    sees: { lookUp: ['amount', 'deposit date'], send: [] },
    keyless: false,
    ids: ['1', '139692620', '9223372036854775807'],
    remarks: [],
    isSend: ({ method, path: sent }) => method === 'POST' && sent.endsWith('/api/patient_payments'),
    practice: {
      patientIds: ['1', '2'],
      methods: [
        { given: ' caRD ', code: { id: 'CRDT', name: 'Card' }, inEntry: 'Credit Card' },
        { given: 'CHECK', code: { id: 'CHCK', name: 'Check' }, inEntry: 'Check' },
        { given: 'patient  portal', code: { id: 'PTPA', name: 'Patient Portal' }, inEntry: 'Patient Portal' },
        {
          given: 'american express',
          code: { id: 'AMEX', name: 'American Express' },
          inEntry: 'American Express',
        },
      ],
      locations: [{ given: 'Anywhere', code: { id: '', name: 'Anywhere' }, inEntry: '' }],
    },
    refusals: [
      { name: 'an unknown patient', change: { emrPatientId: '999' }, code: 'unknown_patient' },
      { name: 'a patient that is no number', change: { emrPatientId: 'pat-1001' }, code: 'unknown_patient' },
      {
        name: 'a method that DrChrono does not have',
        change: { method: { id: 'GOLD', name: 'Gold' } },
        code: 'unknown_payment_method',
      },
      { name: 'a day whose books are closed', change: { depositDate: '2019-12-31' }, code: 'closed_period' },
    ],
    unclear: UNCLEAR,
    patients: {
      ...patients.search({ closedAs: 'inactive', merges: false }),
      unclear: PATIENTS_UNCLEAR,
    },
    patientList: {
      ...patients.list({ changes: true, closedAs: 'inactive', merges: 'hidden' }),
      // Those of the seed: a list of changes begins a day before the last one.
      untouched: ['1', '2'],
      unclear: NO_LIST,
      unreadable: UNREADABLE,
    },
    complaint: (words) => JSON.stringify({ detail: words }),
    rejection: {
      status: 401,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ detail: 'Authentication credentials were not provided.' }),
    },
    statusAlone: [],
    statements: [],
    renamed: (answer, id) => ({ ...answer, body: answer.body.replace(/"id":\s*\d+/, `"id":${id}`) }),
    limits: {},
    toNeutral,
  });
  beforeAll(() => underTest.start());
  afterAll(() => underTest.stop());
  conformance(underTest);
  // The mistakes are made in front of the adapter: what the rows are called changes nothing for them.
  if (path === '/drchrono') patientMistakes(underTest);
});
