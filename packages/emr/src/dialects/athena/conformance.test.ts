import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Dialect } from '../../adapter.ts';
import type { BreakServer, WireAnswer } from '../../conformance/break-server.ts';
import { openBreakingProxy } from '../../conformance/breaking-proxy.ts';
import { conformance } from '../../conformance/conformance.ts';
import { patientNumber, SANDBOX_SECRET, sandboxUnderTest } from '../../conformance/sandbox-under-test.ts';
import type { NeutralEntry, UnderTest } from '../../conformance/under-test.ts';
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

/** Calls that charge a card, or change how athena bills the patient. */
const FORBIDDEN = /collectpayment|patientenrollment/i;

describe.each(WAYS)('$dialect.description.name', ({ path, methods, ...way }) => {
  const emr = sandboxUnderTest({
    ...way,
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

  test('in the whole suite, no call charged a card or enrolled a patient', async () => {
    const sent = wire?.seen.map((request) => `${request.method} ${request.path}`) ?? [];
    expect(sent.filter((request) => path.test(request)).length).toBeGreaterThan(50);
    expect(sent.filter((request) => FORBIDDEN.test(request))).toEqual([]);
    const seenBySandbox = await fetch(`${emr.sandbox().baseUrl}/sandbox/athena/never-called`);
    expect(seenBySandbox.ok).toBe(true);
    expect(await seenBySandbox.text()).not.toMatch(FORBIDDEN);
  });
});
