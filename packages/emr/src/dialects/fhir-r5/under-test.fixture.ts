import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type SandboxProcess, startSandbox } from '@emr-payments/testkit';
import type { EmrAdapter, SettingValues } from '../../adapter.ts';
import type { WireAnswer } from '../../conformance/break-server.ts';
import type { NeutralEntry, UnderTest } from '../../conformance/under-test.ts';
import { fhirR5 } from './adapter.ts';

const BOOKS_CLOSED_BEFORE = '2020-01-01';
const METHODS = 'urn:emr-payments:payment-method';

/** A ledger entry of the sandbox, as far as the suite reads it. */
type LedgerEntry = {
  seq: number;
  emr_transaction_id: string;
  payment_id: string | null;
  patient_id: string;
  amount: number;
  payment_method: string | null;
  reference_number: string | null;
  location: string | null;
  notes: string | null;
  deposit_date: string;
};

const neutral = (entry: LedgerEntry): NeutralEntry => ({
  id: entry.emr_transaction_id,
  paymentId: entry.payment_id,
  patientId: entry.patient_id,
  amount: entry.amount.toFixed(2),
  method: entry.payment_method,
  location: entry.location,
  referenceNumber: entry.reference_number,
  notes: entry.notes,
  depositDate: entry.deposit_date,
});

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

/** Reads the sandbox's ledger, each entry once: a run of the suite makes thousands. */
function ledgerReader(baseUrlOf: () => string) {
  const byPayment = new Map<string | null, NeutralEntry[]>();
  let lastSeq = 0;
  return async (paymentId: string): Promise<readonly NeutralEntry[]> => {
    const answer = await fetch(`${baseUrlOf()}/sandbox/ledger?since=${lastSeq}`);
    const { entries } = (await answer.json()) as { entries: LedgerEntry[] };
    for (const entry of entries) {
      if (entry.seq <= lastSeq) continue;
      lastSeq = entry.seq;
      const known = byPayment.get(entry.payment_id) ?? [];
      byPayment.set(entry.payment_id, [...known, neutral(entry)]);
    }
    return byPayment.get(paymentId) ?? [];
  };
}

/** The FHIR R5 adapter on a sandbox process of its own. `start` and `stop` are for the hooks of the test file. */
export function fhirUnderTest(
  settings: { conditional_create?: boolean; search?: boolean } = {},
): UnderTest & { start(): Promise<void>; stop(): Promise<void> } {
  let folder = '';
  let sandbox: SandboxProcess | undefined;
  const running = (): SandboxProcess => {
    if (sandbox === undefined) throw new Error('the sandbox has not been started');
    return sandbox;
  };
  const credentials = {
    good: { bearer_token: 'sesame' },
    rejected: { bearer_token: 'expired-token-4711' },
  };
  const open = (baseUrl: string, bearerToken: Readonly<Record<string, string>>, more: object): EmrAdapter =>
    fhirR5.open({
      userId: 1,
      adapter: 'fhir-r5',
      baseUrl,
      credentials: bearerToken,
      settings: { ...settings, ...more },
      timeZone: 'America/New_York',
    });
  const capability =
    settings.conditional_create !== false
      ? 'conditional-create'
      : settings.search !== false
        ? 'lookup'
        : 'none';

  return {
    async start() {
      folder = await mkdtemp(join(tmpdir(), 'emr-conformance-'));
      const env = { SANDBOX_TOKEN: credentials.good.bearer_token, BOOKS_CLOSED_BEFORE };
      sandbox = await startSandbox({ ledgerFile: join(folder, 'ledger.jsonl'), env });
    },
    async stop() {
      await sandbox?.stop();
      await rm(folder, { recursive: true, force: true });
    },
    get baseUrl() {
      return running().fhirUrl;
    },
    capability,
    credentials,
    open: (input) => open(input.baseUrl, input.credentials, { timeout_ms: input.timeoutMs }),
    entries: ledgerReader(() => running().baseUrl),
    async addDuplicate(posting) {
      const unprotected = open(running().fhirUrl, credentials.good, { conditional_create: false });
      const signal = new AbortController().signal;
      const result = await unprotected.post(posting, { signal, mayStillSend: () => true });
      if (result.outcome !== 'posted') throw new Error(result.outcome);
    },
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
  };
}
