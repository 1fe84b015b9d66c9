import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BreakServer, WireAnswer } from '../../conformance/break-server.ts';
import { openBreakingProxy } from '../../conformance/breaking-proxy.ts';
import { conformance } from '../../conformance/conformance.ts';
import { patientMistakes } from '../../conformance/patient-mistakes.ts';
import { sandboxPatients } from '../../conformance/sandbox-patients.ts';
import { patientNumber, SANDBOX_SECRET, sandboxUnderTest } from '../../conformance/sandbox-under-test.ts';
import type { NeutralEntry, PatientSearch, UnderTest } from '../../conformance/under-test.ts';
import type { Dialect } from '../../dialect.ts';
import { athenaPpv, athenaRecord } from './adapter.ts';

const toNeutral = (entry: NeutralEntry): NeutralEntry => ({
  ...entry,
  patientId: patientNumber(entry.patientId),
});

type Way = Pick<UnderTest, 'capability' | 'keyless' | 'answers' | 'renamed' | 'lacking'> & {
  dialect: Dialect;
  settings: Readonly<Record<string, string>>;
  methods: UnderTest['practice']['methods'];
  path: RegExp;
};

const HSA = { id: 'HSA', name: 'HSA/FSA Card' };
const CARD_DATA = { card_last4: '0000' };
const WAYS: readonly Way[] = [
  {
    dialect: athenaPpv,
    settings: { practice_id: '195900', vendor_code: 'SUITE', vendor_terminal_id: 'T-1', ...CARD_DATA },
    capability: 'conditional-create',
    keyless: false,
    answers: 'named',
    renamed: (answer: WireAnswer, id: string) => ({
      ...answer,
      body: answer.body.replace(/("patientpaymentid":\s*)"?\d+"?/, `$1${id}`),
    }),
    methods: [
      { given: ' caSH ', code: { id: 'CASH', name: 'Cash' }, inEntry: 'Cash' },
      { given: 'check', code: { id: 'CHCK', name: 'Check' }, inEntry: 'Check' },
      { given: 'HSA/FSA  card', code: HSA, inEntry: 'HSA/FSA Card' },
      {
        given: 'patient portal',
        code: { id: 'PTPA', name: 'Patient Portal' },
        inEntry: 'Patient Portal',
      },
    ],
    path: /\/patientpayvendors\/SUITE\/payments$/,
    lacking: [
      { name: 'a card of no known digits', change: { method: HSA }, without: ['card_last4'] },
      { name: 'a card of no known terminal', change: { method: HSA }, without: ['vendor_terminal_id'] },
      {
        name: 'a check without its number',
        change: { method: { id: 'CHCK', name: 'Check' }, referenceNumber: 'R-1' },
      },
    ],
  },
  {
    dialect: athenaRecord,
    settings: { practice_id: '195900', ...CARD_DATA },
    capability: 'none',
    keyless: true,
    answers: 'unnamed',
    renamed: null,
    methods: [
      { given: ' caSH ', code: { id: 'CASH', name: 'Cash' }, inEntry: 'Cash' },
      { given: 'check', code: { id: 'CHECK', name: 'Check' }, inEntry: 'Check' },
      { given: 'card', code: { id: 'CARD', name: 'Card' }, inEntry: 'Card' },
    ],
    path: /\/patients\/\d+\/recordpayment$/,
    lacking: [
      {
        name: 'a card of no known digits',
        change: { method: { id: 'CARD', name: 'Card' } },
        without: ['card_last4'],
      },
      {
        name: 'a check without its number',
        change: { method: { id: 'CHECK', name: 'Check' }, referenceNumber: 'R-1' },
      },
    ],
  },
];

const answered =
  (status: number, body: unknown) =>
  (answer: WireAnswer): WireAnswer => ({ ...answer, status, body: JSON.stringify(body) });
const ADA = { patientid: '1', status: 'active' };
const PATIENTS_UNCLEAR: PatientSearch['unclear'] = [
  { name: 'an empty list', change: answered(200, []) },
  { name: 'an object in place of the list', change: answered(200, { totalcount: 0, patients: [] }) },
  { name: 'another patient', change: answered(200, [{ ...ADA, patientid: '2' }]) },
  { name: 'two patients', change: answered(200, [ADA, { ...ADA, patientid: '2' }]) },
  { name: 'the patient twice', change: answered(200, [ADA, ADA]) },
  { name: 'a patient without an id', change: answered(200, [{ status: 'active' }]) },
  { name: 'a patient without a status', change: answered(200, [{ patientid: '1' }]) },
  { name: 'a status that is not documented', change: answered(200, [{ ...ADA, status: 'asleep' }]) },
  { name: 'a row that is none', change: answered(200, [null]) },
  { name: 'a patient with an error', change: answered(200, [{ ...ADA, error: 'It failed.' }]) },
  { name: '404 about the practice', change: answered(404, { error: 'The practice does not exist.' }) },
  { name: '404 of another address', change: answered(404, { error: 'No such API: patients' }) },
  { name: '404 that names no patient', change: answered(404, { error: 'Not found.' }) },
  { name: '404 of a gateway', change: answered(404, { status: 404, error: 'No such patient.' }) },
  {
    name: '404 that hides',
    change: answered(404, { error: 'The patient does not exist or is restricted.' }),
  },
];

/** Calls that charge a card, or change how athena bills the patient. */
const FORBIDDEN = /collectpayment|patientenrollment/i;

describe.each(WAYS)('$dialect.description.name', ({ path, methods, settings, ...way }) => {
  const patients = sandboxPatients({
    baseUrl: () => emr.sandbox().baseUrl,
    idOf: ({ number }) => String(number),
    mrnOf: ({ number }) => String(number),
  });
  // No two patients have the same id.
  const { shared: _, ...search } = patients.search({ closedAs: 'deleted', merges: false });
  const emr: ReturnType<typeof sandboxUnderTest> = sandboxUnderTest({
    ...way,
    settings: { ...settings, mrn_field: 'patientid' },
    path: '/athena',
    unprotected: null,
    needsToken: true,
    credentials: {
      good: { client_id: 'suite', client_secret: SANDBOX_SECRET },
      rejected: { client_id: 'suite', client_secret: 'revoked-secret-4711' },
    },
    again: 'unnamed',
    lists: 'read',
    anyName: { method: false, location: false },
    sees: { lookUp: [], send: [] },
    ids: ['1', '56734', '9223372036854775807'],
    remarks: [],
    // The sandbox's own limit: the vendor names none.
    largestAmount: '99999999.99',
    isSend: (request) => request.method === 'POST' && path.test(request.path),
    practice: {
      patientIds: ['1', '2'],
      methods,
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
        change: { method: { id: 'GOLD', name: 'Gold' } },
        code: 'unknown_payment_method',
      },
      {
        name: 'a department that was removed after it was resolved',
        change: { location: { id: '999', name: 'Gone' } },
        code: 'unknown_location',
      },
    ],
    unclear: [],
    patients: {
      ...search,
      nobody: [
        { name: 'an MRN that nobody has', mrn: '999999999' },
        { name: 'an MRN with a zero before it', mrn: '01' },
        { name: 'an MRN that begins like one', mrn: '12345678' },
      ],
      unclear: PATIENTS_UNCLEAR,
    },
    complaint: (words) => JSON.stringify({ error: words, detailedmessage: words }),
    rejection: {
      status: 401,
      headers: { 'content-type': 'text/html' },
      body: '<h1>Developer Inactive</h1>',
    },
    statusAlone: [429],
    statements: [],
    limits: {},
    toNeutral,
  });
  beforeAll(() => emr.start());
  afterAll(() => emr.stop());

  let wire: BreakServer | undefined;
  conformance(emr, async (baseUrl) => {
    wire = await openBreakingProxy(baseUrl);
    return wire;
  });
  // Both ways of posting look for patients in the same way.
  if (way.dialect === athenaPpv) patientMistakes(emr);

  test('in the whole suite, no call charged a card or enrolled a patient', async () => {
    const sent = wire?.seen.map((request) => `${request.method} ${request.path}`) ?? [];
    expect(sent.filter((request) => path.test(request)).length).toBeGreaterThan(50);
    expect(sent.filter((request) => FORBIDDEN.test(request))).toEqual([]);
    const seenBySandbox = await fetch(`${emr.sandbox().baseUrl}/sandbox/athena/never-called`);
    expect(seenBySandbox.ok).toBe(true);
    expect(await seenBySandbox.text()).not.toMatch(FORBIDDEN);
  });
});
