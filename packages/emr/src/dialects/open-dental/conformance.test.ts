import { afterAll, beforeAll } from 'vitest';
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
import { openDental } from './adapter.ts';
import { WRITING } from './check.ts';
import { CHECK_NUM_UNITS, NOTES_UNITS } from './pay-note.ts';

type Row = Record<string, unknown>;

/** Notes behind our marker, and without the reference number that `CheckNum` cannot hold. */
function ourNotes(notes: string | null): string | null {
  const text = (notes ?? '')
    .replace(/^\[emr-payments [0-9a-f]{32}\] ?/, '')
    .replace(/^Reference: [^\r\n]*(?:\r\n)?/, '');
  return text === '' ? null : text;
}

/**
 * A note as Open Dental stores it (`POut.StringNote`, `StringScrub` of OpenDental/opendental): symbols and emoji become U+FFFD, and line
 * ends CR LF.
 */
const cleanedNote = (text: string): string =>
  text
    .replace(/[\u2600-\u27ff]|\ud83c[\udc00-\udfff]|\ud83d[\udc00-\udfff]|\ud83e[\udd10-\uddc0]/g, '\ufffd')
    .replace(/\r\n?|\n/g, '\r\n');

const toNeutral = (entry: NeutralEntry): NeutralEntry => ({
  ...entry,
  patientId: patientNumber(entry.patientId),
  notes: ourNotes(entry.notes),
});

const rows = changeJson<Row[]>;
const foreignRow = {
  PayNum: 1,
  PatNum: 1,
  PayAmt: '1',
  PayDate: '2026-06-15',
  DateEntry: '2099-01-01',
  PayNote: '',
};
const UNCLEAR: UnderTest['unclear'] = [
  {
    name: 'an explanation in place of the list',
    change: (answer) => ({ ...answer, body: 'The office is busy.' }),
  },
  { name: 'an object in place of the list', change: rows(() => ({ rows: [] })) },
  { name: 'a payment of another patient', change: rows(() => [{ ...foreignRow, PatNum: 999 }]) },
  { name: 'a payment of an earlier day', change: rows(() => [{ ...foreignRow, DateEntry: '2001-01-01' }]) },
  { name: 'a row without a note', change: rows(() => [{ ...foreignRow, PayNote: null }]) },
  { name: 'a row that is none', change: rows(() => [null]) },
  {
    name: 'the same full page for each offset',
    change: rows(() => Array.from({ length: 100 }, (_, place) => ({ ...foreignRow, PayNum: place + 1 }))),
  },
];

const likePatient = { PatNum: 9, ChartNumber: 'mrn-123450', PatStatus: 'Patient' };
const other = (change: object) => rows((found) => [...found, { ...likePatient, ...change }]);
const PATIENTS_UNCLEAR: PatientSearch['unclear'] = [
  { name: 'an explanation in place of the list', change: (answer) => ({ ...answer, body: 'No patient.' }) },
  { name: 'an object in place of the list', change: rows(() => ({ rows: [] })) },
  { name: 'a patient with another number', change: other({ ChartNumber: 'X-1' }) },
  { name: 'a patient without a chart number', change: other({ ChartNumber: null }) },
  { name: 'a patient whose key cannot be read', change: other({ PatNum: 'nine' }) },
  { name: 'a row that is none', change: rows((found) => [...found, null]) },
  {
    name: 'the same full page for each offset',
    change: rows(() => Array.from({ length: 100 }, (_, place) => ({ ...likePatient, PatNum: place + 9 }))),
  },
];

/** Makes the first row of a page unreadable. */
const firstRow = (change: object) =>
  rows((found) => found.map((row, place) => (place === 0 ? { ...row, ...change } : row)));
const UNCLEAR_PAGES: PatientList['unclear'] = [
  { name: 'an explanation in place of the page', change: (answer) => ({ ...answer, body: 'No patient.' }) },
  { name: 'an object in place of the page', change: rows(() => ({ rows: [] })) },
  { name: 'a page with nobody on it', change: rows(() => []) },
  {
    name: 'a full page without a key',
    change: rows(() => Array.from({ length: 100 }, () => ({ ChartNumber: '1' }))),
  },
];
const UNREADABLE_PAGES: PatientList['unreadable'] = [
  { name: 'a patient without a key', change: firstRow({ PatNum: null }) },
  { name: 'a patient without a number', change: firstRow({ ChartNumber: 7 }) },
  { name: 'a patient of an unknown status', change: firstRow({ PatStatus: 'Frozen' }) },
  {
    name: 'a row that is none',
    change: rows((found) => found.map((row, place) => (place === 0 ? 'x' : row))),
  },
];

const patients = sandboxPatients({
  baseUrl: () => underTest.sandbox().baseUrl,
  idOf: ({ number }) => String(number),
});
const underTest = sandboxUnderTest({
  dialect: openDental,
  path: '/open-dental/api/v1',
  settings: { mrn_field: 'ChartNumber' },
  unprotected: {},
  needsToken: false,
  capability: 'lookup',
  credentials: {
    good: { developer_key: 'suite-developer', customer_key: SANDBOX_SECRET },
    rejected: { developer_key: 'suite-developer-4711', customer_key: 'disabled-key-4711' },
  },
  answers: 'named',
  again: 'named',
  lists: 'read',
  anyName: { method: false, location: false },
  // A payment of another patient is in no list of this patient.
  sees: { lookUp: ['amount', 'deposit date'], send: [] },
  keyless: false,
  ids: ['1', '56734', '9223372036854775807'],
  remarks: [WRITING],
  isSend: ({ method, path }) => method === 'POST' && path.endsWith('/payments'),
  practice: {
    patientIds: ['1', '2'],
    methods: [
      { given: ' caRD ', code: { id: '301', name: 'Card' }, inEntry: 'Card' },
      { given: 'patient  portal', code: { id: '304', name: 'Patient Portal' }, inEntry: 'Patient Portal' },
      { given: 'HSA/FSA Card', code: { id: '306', name: 'HSA/FSA Card' }, inEntry: 'HSA/FSA Card' },
    ],
    locations: [
      { given: '1', code: { id: '1', name: 'Main Street Clinic' }, inEntry: '1404' },
      { given: 'riverside CLINIC', code: { id: '2', name: 'Riverside Clinic' }, inEntry: '1405' },
      { given: ' Telehealth', code: { id: '3', name: 'Telehealth' }, inEntry: '1406' },
    ],
  },
  refusals: [
    { name: 'an unknown patient', change: { emrPatientId: '999' }, code: 'unknown_patient' },
    {
      name: 'a method that was removed after it was resolved',
      change: { method: { id: '999', name: 'Gold' } },
      code: 'unknown_payment_method',
    },
    {
      name: 'a location that was removed after it was resolved',
      change: { location: { id: '999', name: 'Gone' } },
      code: 'unknown_location',
    },
    { name: 'a day whose books are closed', change: { depositDate: '2019-12-31' }, code: 'closed_period' },
  ],
  unclear: UNCLEAR,
  patients: {
    ...patients.search({ closedAs: 'archived', merges: false }),
    unclear: PATIENTS_UNCLEAR,
  },
  patientList: {
    ...patients.list({ changes: true, closedAs: 'archived', merges: 'hidden' }),
    unclear: UNCLEAR_PAGES,
    unreadable: UNREADABLE_PAGES,
  },
  complaint: (words) => words,
  rejection: {
    status: 401,
    headers: { 'content-type': 'text/plain' },
    body: 'The API key is not valid.',
  },
  statusAlone: [401],
  statements: [
    {
      name: 'an office with clinics',
      request: 'GET /clinics',
      change: (answer) => answer,
      makes: { clinics: true },
    },
    {
      name: 'an office without clinics',
      request: 'GET /clinics',
      change: (answer) => (answer.body.includes('"Abbr"') ? { ...answer, body: '[]' } : answer),
      makes: { clinics: false },
    },
  ],
  renamed: ({ headers, ...answer }, id) => ({
    ...answer,
    headers: Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'location')),
    body: answer.body.replace(/"PayNum":\s*\d+/, `"PayNum":${id}`),
  }),
  limits: {
    notes: { length: NOTES_UNITS, over: 'clipped' },
    referenceNumber: { length: CHECK_NUM_UNITS, over: 'clipped' },
  },
  cleaned: { notes: cleanedNote },
  toNeutral,
});

beforeAll(() => underTest.start());
afterAll(() => underTest.stop());
conformance(underTest);
patientMistakes(underTest);
