import type { NeutralEntry, UnderTest } from '../../../conformance/under-test.ts';
import { idIn } from '../../../fhir/entry-id.ts';
import {
  capabilityWith,
  complaint,
  IDS,
  renamed,
  unclear,
  unusableStatements,
} from '../../../fhir/under-test.fixture.ts';
import { localAdapterDeps } from '../../../local-deps.ts';
import { fhirR5 } from '../adapter.ts';

const METHODS = 'urn:emr-payments:payment-method';
const concept = (code: string, display: string) => ({ code, display });
const place = (id: string, name: string, value: string) => ({
  resourceType: 'Location',
  id,
  status: 'active',
  name,
  identifier: [{ system: 'urn:emr-payments:location', value }],
});

/** The practice that the suite needs, with a heading and a code that the ValueSet excludes. */
export const practiceResources: readonly ({ resourceType: string; id: string } & Readonly<
  Record<string, unknown>
>)[] = [
  {
    resourceType: 'CodeSystem',
    id: 'payment-methods',
    url: METHODS,
    status: 'active',
    content: 'complete',
    concept: [
      {
        ...concept('CARDS', 'Cards'),
        property: [{ code: 'notSelectable', valueBoolean: true }],
        concept: [concept('CARD', 'Card'), concept('HSA', 'HSA/FSA Card')],
      },
      concept('PTPA', 'Patient Portal'),
      concept('IOU', 'Promise'),
    ],
  },
  {
    resourceType: 'ValueSet',
    id: 'payment-methods',
    url: 'urn:emr-payments:payment-methods',
    status: 'active',
    compose: { include: [{ system: METHODS }], exclude: [{ system: METHODS, concept: [{ code: 'IOU' }] }] },
  },
  place('loc-main', 'Main Street Clinic', '1404'),
  place('loc-river', 'Riverside Clinic', '1405'),
  { resourceType: 'Patient', id: 'pat-1001' },
  { resourceType: 'Patient', id: 'pat-1002' },
];

type Found = {
  id: string;
  created: string;
  amount: { value: number };
  paymentIssuer: { reference: string };
  method: { text: string };
  location: { reference: string };
  referenceNumber: string;
  processNote?: { text: string }[];
  date: string;
};

const neutral = (paymentId: string, entry: Found): NeutralEntry => ({
  id: entry.id,
  paymentId,
  patientId: idIn('Patient', entry.paymentIssuer.reference) ?? '',
  amount: entry.amount.value.toFixed(2),
  method: entry.method.text,
  location: idIn('Location', entry.location.reference) ?? '',
  referenceNumber: entry.referenceNumber,
  notes: entry.processNote?.[0]?.text ?? null,
  depositDate: entry.date,
});

/** The FHIR R5 adapter and a server that runs already. Entries are read from it by a search of our own. */
export function serverUnderTest({
  baseUrl,
  token,
  settings,
}: {
  baseUrl: string;
  token: string;
  settings: { conditional_create?: boolean; search?: boolean };
}): UnderTest {
  const good = token === '' ? {} : { bearer_token: token };
  const open: UnderTest['open'] = (input) =>
    fhirR5.open(
      {
        userId: 1,
        adapter: 'fhir-r5',
        baseUrl: input.baseUrl,
        credentials: input.credentials,
        settings: { ...settings, timeout_ms: input.timeoutMs },
        timeZone: 'America/New_York',
      },
      input.deps,
    );
  return {
    baseUrl,
    capability: capabilityWith(settings),
    credentials: { good, rejected: { bearer_token: 'expired-token-4711' } },
    open,
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
    async entries({ paymentId }) {
      const query = new URLSearchParams({
        identifier: `urn:emr-payments:payment-id|${paymentId}`,
        _count: '50',
      });
      const answer = await fetch(`${baseUrl}/PaymentReconciliation?${query}`, {
        headers: {
          'cache-control': 'no-cache',
          ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
        },
      });
      const { entry = [] } = (await answer.json()) as { entry?: { resource: Found }[] };
      return entry
        .map(({ resource }) => resource)
        .sort((a, b) => a.created.localeCompare(b.created))
        .map((resource) => neutral(paymentId, resource));
    },
    async addDuplicate(posting) {
      const adapter = fhirR5.open(
        {
          userId: 1,
          adapter: 'fhir-r5',
          baseUrl,
          credentials: good,
          settings: { conditional_create: false },
          timeZone: 'America/New_York',
        },
        localAdapterDeps(),
      );
      const options = { signal: AbortSignal.timeout(10_000), mayStillSend: () => true };
      const result = await adapter.post(posting, options);
      if (result.outcome !== 'posted') throw new Error(JSON.stringify(result));
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
        { given: '1404', code: { id: 'loc-main', name: 'Main Street Clinic' }, inEntry: 'loc-main' },
        { given: 'loc-river', code: { id: 'loc-river', name: 'Riverside Clinic' }, inEntry: 'loc-river' },
      ],
    },
    // Servers differ in what else they refuse: the reference to a patient that is not there is refused by most.
    refusals: [{ name: 'an unknown patient', change: { emrPatientId: 'pat-9' }, code: 'emr_refused' }],
    unclear: unclear('PaymentReconciliation'),
    complaint,
    statements: unusableStatements({ type: 'PaymentReconciliation', otherVersion: '4.0.1' }),
    renamed,
    limits: {},
  };
}
