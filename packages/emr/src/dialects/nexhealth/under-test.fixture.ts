import type { WireAnswer } from '../../conformance/break-server.ts';
import { sandboxPatients } from '../../conformance/sandbox-patients.ts';
import {
  changeJson,
  patientNumber,
  SANDBOX_SECRET,
  sandboxUnderTest,
} from '../../conformance/sandbox-under-test.ts';
import type { NeutralEntry, PatientList, PatientSearch, UnderTest } from '../../conformance/under-test.ts';
import { nexhealth } from './adapter.ts';

type Json = Record<string, unknown>;

/** Changes the answer to a search of the ledger; every other answer is left as it is. */
const search =
  (change: (frame: Json) => unknown) =>
  (answer: WireAnswer): WireAnswer => {
    // The ledger is the only list that has pages and no rows in these rules.
    if (answer.status !== 200 || !/"data":\[\]/.test(answer.body)) return answer;
    return changeJson(change)(answer);
  };

const UNCLEAR: UnderTest['unclear'] = [
  { name: 'no rows and an error', change: search((frame) => ({ ...frame, error: ['Timed out'] })) },
  { name: 'no rows and a frame that says no', change: search((frame) => ({ ...frame, code: false })) },
  { name: 'no rows and no word of another page', change: search(({ page_info: _, ...frame }) => frame) },
  {
    name: 'another page, and not where it begins',
    change: search((frame) => ({ ...frame, page_info: { has_next_page: true } })),
  },
  {
    name: 'the payments of others',
    change: search((frame) => ({ ...frame, data: [{ id: 1, transaction_id: 'x', patient_id: 1 }] })),
  },
  { name: 'a row that cannot be read', change: search((frame) => ({ ...frame, data: [{ payment: 1 }] })) },
  { name: 'rows that are no list', change: search((frame) => ({ ...frame, data: {} })) },
];

type Row = Json;
/** Changes the frame of a list of patients; every other answer is left as it is. */
const patientFrame =
  (change: (frame: Json) => unknown) =>
  (answer: WireAnswer): WireAnswer =>
    answer.status === 200 && (answer.body.includes('"foreign_id_type"') || /"data":\s*\[\]/.test(answer.body))
      ? changeJson(change)(answer)
      : answer;
const patientRows = (change: (rows: readonly Row[]) => unknown) =>
  patientFrame(({ data, ...frame }) => ({ ...frame, data: change(data as Row[]) }));

const NO_PATIENTS: UnderTest['unclear'] = [
  { name: 'patients and an error', change: patientFrame((frame) => ({ ...frame, error: ['Timed out'] })) },
  { name: 'patients and a frame that says no', change: patientFrame((frame) => ({ ...frame, code: false })) },
  {
    name: 'patients and no word of another page',
    change: patientFrame(({ page_info: _, ...frame }) => frame),
  },
  {
    name: 'another page, and not where it begins',
    change: patientFrame((frame) => ({ ...frame, page_info: { has_next_page: true } })),
  },
  { name: 'patients that are no list', change: patientFrame((frame) => ({ ...frame, data: {} })) },
];
const likePatient = { id: 9, foreign_id: 'mrn-123450', inactive: false };
const other = (change: Row) => patientRows((rows) => [...rows, { ...likePatient, ...change }]);
const PATIENTS_UNCLEAR: PatientSearch['unclear'] = [
  ...NO_PATIENTS,
  { name: 'a patient with another number', change: other({ foreign_id: 'X-1' }) },
  { name: 'a patient without a number', change: other({ foreign_id: null }) },
  { name: 'a number that lost its zeros', change: other({ foreign_id: 12345 }) },
  { name: 'a patient whose id cannot be read', change: other({ id: 'nine' }) },
  { name: 'a patient of whom it is not said whether they are inactive', change: other({ inactive: null }) },
  { name: 'a row that is none', change: patientRows((rows) => [...rows, null]) },
];
const last = (change: (row: Row) => unknown) =>
  patientRows((rows) => rows.map((row, place) => (place === rows.length - 1 ? change(row) : row)));
const UNREADABLE: PatientList['unreadable'] = [
  { name: 'a patient without an id', change: last(({ id: _, ...row }) => row) },
  { name: 'a patient who may be inactive', change: last(({ inactive: _, ...row }) => row) },
  { name: 'a number that lost its zeros', change: last((row) => ({ ...row, foreign_id: 12345 })) },
];

/** Our fields, as the practice sees them in the notes. */
const NOTE = /^\[emr-payments [0-9a-f]{32}\] ([^\n]*)(?:\n([\s\S]*))?$/;

/** The ledger has patients by the sandbox's own ids, and the notes as they were sent. */
function toNeutral(entry: NeutralEntry): NeutralEntry {
  const [, referenceNumber = null, notes = null] = NOTE.exec(entry.notes ?? '') ?? [];
  return {
    ...entry,
    patientId: patientNumber(entry.patientId),
    referenceNumber,
    notes,
  };
}

/** The NexHealth adapter on a sandbox process of its own. */
export function nexhealthUnderTest(): ReturnType<typeof sandboxUnderTest> {
  const patients = sandboxPatients({
    baseUrl: () => emr.sandbox().baseUrl,
    idOf: ({ number }) => String(number),
  });
  const emr: ReturnType<typeof sandboxUnderTest> = sandboxUnderTest({
    dialect: nexhealth,
    path: '/nexhealth',
    // The ledger of the sandbox is never behind: what it shows is all.
    settings: { subdomain: 'demo-practice', settle_ms: 0 },
    unprotected: {},
    needsToken: true,
    toNeutral,
    capability: 'lookup',
    credentials: { good: { api_key: SANDBOX_SECRET }, rejected: { api_key: 'expired-key-4711' } },
    answers: 'later',
    again: 'named',
    lists: 'read',
    anyName: { method: false, location: false },
    sees: { lookUp: ['amount', 'patient', 'deposit date'], send: [] },
    keyless: false,
    ids: ['9223372036854775807'],
    remarks: [],
    isSend: ({ method, path }) => method === 'POST' && path.endsWith('/payments'),
    practice: {
      patientIds: ['1', '2'],
      methods: [
        { given: ' caRD ', code: { id: '1', name: 'Card' }, inEntry: 'Card' },
        { given: 'patient  portal', code: { id: '4', name: 'Patient Portal' }, inEntry: 'Patient Portal' },
        { given: 'HSA/FSA Card', code: { id: '6', name: 'HSA/FSA Card' }, inEntry: 'HSA/FSA Card' },
      ],
      locations: [
        { given: '1404', code: { id: '1', name: 'Main Street Clinic' }, inEntry: '1404' },
        { given: '2', code: { id: '2', name: 'Riverside Clinic' }, inEntry: '1405' },
        { given: ' TELEHEALTH', code: { id: '3', name: 'Telehealth' }, inEntry: '1406' },
      ],
    },
    refusals: [
      { name: 'an unknown patient', change: { emrPatientId: '999' }, code: 'unknown_patient' },
      {
        name: 'a method that was removed after it was resolved',
        change: { method: { id: '999', name: 'Gold' } },
        code: 'unknown_payment_method',
      },
    ],
    unclear: UNCLEAR,
    patients: {
      ...patients.search({ closedAs: 'inactive', merges: false }),
      unclear: PATIENTS_UNCLEAR,
    },
    patientList: {
      // A page has 500.
      ...patients.list({ changes: true, closedAs: 'inactive', merges: 'hidden', made: 600 }),
      // Those of the seed: a list of changes begins some minutes before the last one.
      untouched: ['1', '2'],
      unclear: NO_PATIENTS,
      unreadable: UNREADABLE,
    },
    complaint: (words) => JSON.stringify({ code: false, description: words, data: {}, error: [words] }),
    rejection: {
      status: 401,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        code: false,
        description: 'Unauthorized',
        data: {},
        error: ['Your token is invalid.'],
      }),
    },
    statusAlone: [],
    statements: [],
    // No answer to a send names an entry.
    renamed: null,
    limits: {},
  });
  return emr;
}
