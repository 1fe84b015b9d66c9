import type { SettingValues } from '../../adapter.ts';
import type { WireAnswer } from '../../conformance/break-server.ts';
import { SANDBOX_SECRET, sandboxUnderTest } from '../../conformance/sandbox-under-test.ts';
import type { UnderTest } from '../../conformance/under-test.ts';
import { fhirR5 } from './adapter.ts';

const METHODS = 'urn:emr-payments:payment-method';

/** A Bundle without matches, changed. */
const bundle =
  (fields: object) =>
  (answer: WireAnswer): WireAnswer => ({
    ...answer,
    body: JSON.stringify({ ...JSON.parse(answer.body), ...fields }),
  });
const remark = (severity: string, code: string) => ({
  search: { mode: 'outcome' },
  resource: { resourceType: 'OperationOutcome', issue: [{ severity, code }] },
});
export const UNCLEAR: UnderTest['unclear'] = [
  {
    name: 'an error in place of the answer',
    change: (answer) => ({ ...answer, body: JSON.stringify(remark('error', 'exception').resource) }),
  },
  { name: 'an error among the results', change: bundle({ entry: [remark('error', 'exception')] }) },
  { name: 'results said to be incomplete', change: bundle({ entry: [remark('warning', 'incomplete')] }) },
  { name: 'a count of one and no entry', change: bundle({ total: 1 }) },
  { name: 'an entry without content', change: bundle({ entry: [{ fullUrl: 'urn:uuid:1' }] }) },
  {
    name: 'an entry without an id',
    change: bundle({ entry: [{ resource: { resourceType: 'PaymentReconciliation' } }] }),
  },
  {
    name: 'the results of another search',
    change: bundle({ link: [{ relation: 'self', url: 'PaymentReconciliation?_count=50' }] }),
  },
];

/** Ids of the kinds that FHIR servers give: none of them is read as anything but text. */
export const IDS: UnderTest['ids'] = [
  'pay_1',
  `p-${'x'.repeat(80)}`,
  'urn:uuid:6f1f3a5e-9c5e-4d2f-8b7a-2f9f6d1f0c11',
];

type Json = Record<string, unknown>;

/** An error with the same words in each free text that an OperationOutcome has. */
export const complaint: UnderTest['complaint'] = (words) =>
  JSON.stringify({
    resourceType: 'OperationOutcome',
    text: { status: 'generated', div: `<div>${words}</div>` },
    issue: [
      {
        severity: 'error',
        code: 'processing',
        details: { coding: [{ display: words }], text: words },
        diagnostics: words,
        expression: [words],
      },
    ],
  });

/** The server's CapabilityStatement, changed; every other answer as it is. */
const statement =
  (change: (whole: Json, payments: Json) => void) =>
  (answer: WireAnswer): WireAnswer => {
    if (!answer.body.includes('"CapabilityStatement"')) return answer;
    const whole = JSON.parse(answer.body);
    const payments = whole.rest[0].resource.find(({ type }: Json) => type === 'PaymentReconciliation');
    change(whole, payments);
    return { ...answer, body: JSON.stringify(whole) };
  };
export const STATEMENTS: UnderTest['statements'] = [
  {
    name: 'a server of R4',
    makes: 'refused',
    change: statement((whole) => {
      whole.fhirVersion = '4.0.1';
    }),
  },
  {
    name: 'a server without payments',
    makes: 'refused',
    change: statement((_whole, payments) => {
      payments.type = 'PaymentNotice';
    }),
  },
  {
    name: 'a server that creates no payments',
    makes: 'refused',
    change: statement((_whole, payments) => {
      payments.interaction = [{ code: 'read' }];
    }),
  },
  {
    name: 'a server without a statement',
    makes: 'refused',
    change: (answer: WireAnswer) =>
      answer.body.includes('"CapabilityStatement"') ? { ...answer, status: 404, body: '' } : answer,
  },
].map((each) => ({ ...each, request: 'GET /metadata', makes: 'refused' as const }));

/** The settings of those that the operator left to the check. */
const left = (settings: object, read: SettingValues): SettingValues =>
  Object.fromEntries(Object.entries(read).filter(([name]) => !(name in settings)));

/** The FHIR R5 adapter on a sandbox process of its own. */
export function fhirUnderTest(
  settings: { conditional_create?: boolean; search?: boolean } = {},
): ReturnType<typeof sandboxUnderTest> {
  const capability =
    settings.conditional_create !== false
      ? 'conditional-create'
      : settings.search !== false
        ? 'lookup'
        : 'none';
  return sandboxUnderTest({
    dialect: fhirR5,
    path: '/fhir',
    settings,
    unprotected: { conditional_create: false },
    needsToken: false,
    capability,
    credentials: {
      good: { bearer_token: SANDBOX_SECRET },
      rejected: { bearer_token: 'expired-token-4711' },
    },
    answers: 'named',
    again: 'named',
    lists: 'read',
    anyName: { method: false, location: false },
    sees: {
      lookUp: ['amount', 'patient', 'deposit date'],
      send: ['amount', 'patient', 'deposit date', 'payment method'],
    },
    keyless: false,
    ids: IDS,
    remarks: [],
    isSend: ({ method, path }) => method === 'POST' && path.endsWith('/PaymentReconciliation'),
    practice: {
      patientIds: ['pat-1001', 'pat-1002'],
      methods: [
        { given: ' caRD ', code: { id: `${METHODS}|CARD`, name: 'Card' }, inEntry: 'Card' },
        {
          given: 'patient  portal',
          code: { id: `${METHODS}|PTPA`, name: 'Patient Portal' },
          inEntry: 'Patient Portal',
        },
        {
          given: 'HSA/FSA Card',
          code: { id: `${METHODS}|HSA`, name: 'HSA/FSA Card' },
          inEntry: 'HSA/FSA Card',
        },
      ],
      locations: [
        { given: '1404', code: { id: 'loc-main', name: 'Main Street Clinic' }, inEntry: '1404' },
        { given: 'loc-river', code: { id: 'loc-river', name: 'Riverside Clinic' }, inEntry: '1405' },
        { given: ' TELEHEALTH', code: { id: 'loc-tele', name: 'Telehealth' }, inEntry: '1406' },
      ],
    },
    refusals: [
      { name: 'an unknown patient', change: { emrPatientId: 'pat-9' }, code: 'unknown_patient' },
      {
        name: 'a method that was removed after it was resolved',
        change: { method: { id: `${METHODS}|GOLD`, name: 'Gold' } },
        code: 'unknown_payment_method',
      },
      {
        name: 'a location that was removed after it was resolved',
        change: { location: { id: 'gone', name: 'Gone' } },
        code: 'unknown_location',
      },
      { name: 'a day whose books are closed', change: { depositDate: '2019-12-31' }, code: 'closed_period' },
    ],
    unclear: UNCLEAR,
    complaint,
    statements: [
      ...STATEMENTS,
      {
        name: 'a server that says what it can',
        request: 'GET /metadata',
        change: (answer) => answer,
        makes: left(settings, { conditional_create: true, search: true }),
      },
      // A setting that was given and that the server denies is refused: the other test of the check is about that.
      ...(settings.conditional_create === undefined && settings.search === undefined
        ? [
            {
              name: 'a server that says that it can do neither',
              request: 'GET /metadata',
              change: statement((_whole, payments) => {
                payments.conditionalCreate = false;
                payments.searchParam = [{ name: 'created' }];
              }),
              makes: { conditional_create: false, search: false },
            },
            {
              name: 'a server that says nothing of it',
              request: 'GET /metadata',
              change: statement((_whole, payments) => {
                for (const member of ['conditionalCreate', 'searchParam']) delete payments[member];
              }),
              makes: { conditional_create: false, search: false },
            },
          ]
        : []),
    ],
    renamed: ({ headers: { location = '', ...headers }, ...answer }, id) => ({
      ...answer,
      headers: { ...headers, location: location.replace(/[^/]+(?=\/_history)/, encodeURIComponent(id)) },
    }),
    limits: {},
  });
}
