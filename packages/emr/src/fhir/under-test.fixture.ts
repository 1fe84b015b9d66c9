import type { SettingValues } from '../adapter.ts';
import type { WireAnswer } from '../conformance/break-server.ts';
import type { UnderTest } from '../conformance/under-test.ts';
import { METHODS } from './testing/practice-resources.ts';

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
/** Answers to a search for one payment that prove nothing. */
const unclear = (type: string): UnderTest['unclear'] => [
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
    change: bundle({ entry: [{ resource: { resourceType: type } }] }),
  },
  {
    name: 'the results of another search',
    change: bundle({ link: [{ relation: 'self', url: `${type}?_count=50` }] }),
  },
];

/** Ids of the kinds that FHIR servers give: none of them is read as anything but text. */
const IDS: UnderTest['ids'] = [
  'pay_1',
  `p-${'x'.repeat(80)}`,
  'urn:uuid:6f1f3a5e-9c5e-4d2f-8b7a-2f9f6d1f0c11',
];

type Json = Record<string, unknown>;

/** An error with the same words in each free text that an OperationOutcome has. */
const complaint: UnderTest['complaint'] = (words) =>
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
export const statement =
  (type: string, change: (whole: Json, payments: Json) => void) =>
  (answer: WireAnswer): WireAnswer => {
    if (!answer.body.includes('"CapabilityStatement"')) return answer;
    const whole = JSON.parse(answer.body);
    const payments = whole.rest[0].resource.find((each: Json) => each.type === type);
    change(whole, payments);
    return { ...answer, body: JSON.stringify(whole) };
  };
/** Statements of servers to which no payment can be posted. */
const unusableStatements = ({
  type,
  otherVersion,
}: {
  type: string;
  otherVersion: string;
}): UnderTest['statements'] =>
  [
    {
      name: 'a server of another release',
      makes: 'refused',
      change: statement(type, (whole) => {
        whole.fhirVersion = otherVersion;
      }),
    },
    {
      name: 'a server without payments',
      makes: 'refused',
      change: statement(type, (_whole, payments) => {
        payments.type = 'Basic';
      }),
    },
    {
      name: 'a server that creates no payments',
      makes: 'refused',
      change: statement(type, (_whole, payments) => {
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
export const left = (settings: object, read: SettingValues): SettingValues =>
  Object.fromEntries(Object.entries(read).filter(([name]) => !(name in settings)));

/** Statements of a server to which payments can be posted, and the settings that they make. */
export const usableStatements = ({
  type,
  settings,
}: {
  type: string;
  settings: { conditional_create?: boolean; search?: boolean };
}): UnderTest['statements'] => [
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
          change: statement(type, (_whole, payments) => {
            payments.conditionalCreate = false;
            payments.searchParam = [{ name: 'created' }];
          }),
          makes: { conditional_create: false, search: false },
        },
        {
          name: 'a server that says nothing of it',
          request: 'GET /metadata',
          change: statement(type, (_whole, payments) => {
            for (const member of ['conditionalCreate', 'searchParam']) delete payments[member];
          }),
          makes: { conditional_create: false, search: false },
        },
      ]
    : []),
];

/** The answer to a create, if the EMR had given the entry another id. */
const renamed: NonNullable<UnderTest['renamed']> = (
  { headers: { location = '', ...headers }, ...answer },
  id,
) => ({
  ...answer,
  headers: { ...headers, location: location.replace(/[^/]+(?=\/_history)/, encodeURIComponent(id)) },
});

const method = (given: string, code: { id: string; name: string }) => ({ given, code, inEntry: code.name });

type Settings = { conditional_create?: boolean; search?: boolean };

/** The parts of the suite's description that are alike for all FHIR servers, at whatever address. */
export const fhirParts = ({
  type,
  otherVersion,
  settings,
  listed,
}: {
  type: string;
  /** A release that the adapter does not speak. */
  otherVersion: string;
  settings: Settings;
  /** False: the names of methods and locations come from the connection. */
  listed: boolean;
}) =>
  ({
    capability: capabilityWith(settings),
    answers: 'named',
    again: 'named',
    lists: listed ? 'read' : 'fixed',
    anyName: { method: false, location: !listed },
    sees: {
      lookUp: ['amount', 'patient', 'deposit date'],
      send: ['amount', 'patient', 'deposit date', 'payment method'],
    },
    keyless: false,
    ids: IDS,
    remarks: [],
    isSend: ({ method, path }) => method === 'POST' && path.endsWith(`/${type}`),
    unclear: unclear(type),
    complaint,
    rejection: {
      status: 401,
      headers: { 'content-type': 'application/fhir+json' },
      body: complaint('Log in.'),
    },
    statusAlone: [401, 429],
    statements: unusableStatements({ type, otherVersion }),
    renamed,
    limits: {},
    practice: {
      patientIds: ['pat-1001', 'pat-1002'],
      methods: [
        method(' caRD ', { id: listed ? `${METHODS}|CARD` : 'Card', name: 'Card' }),
        method('patient  portal', {
          id: listed ? `${METHODS}|PTPA` : 'Patient Portal',
          name: 'Patient Portal',
        }),
        method('HSA/FSA Card', { id: listed ? `${METHODS}|HSA` : 'HSA/FSA Card', name: 'HSA/FSA Card' }),
      ],
    },
  }) satisfies Partial<Omit<UnderTest, 'practice'>> & {
    practice: Pick<UnderTest['practice'], 'patientIds' | 'methods'>;
  };

function capabilityWith(settings: {
  conditional_create?: boolean;
  search?: boolean;
}): UnderTest['capability'] {
  if (settings.conditional_create !== false) return 'conditional-create';
  return settings.search === false ? 'none' : 'lookup';
}
