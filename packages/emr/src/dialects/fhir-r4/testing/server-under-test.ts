import type { NeutralEntry, UnderTest } from '../../../conformance/under-test.ts';
import { idIn } from '../../../fhir/entry-id.ts';
import { localAdapterDeps } from '../../../local-deps.ts';
import { fhirR4 } from '../adapter.ts';
import { LISTED, partsOf, type R4Variant } from '../under-test.fixture.ts';

type Contained = {
  processNote?: { text: string }[];
  paymentIdentifier: { value: string };
  paymentAmount: { value: number };
};
type Found = {
  id: string;
  created: string;
  contained: [Contained];
  extension: { url: string; valueString?: string; valueReference?: { reference: string } }[];
  amount: { value: number };
  request: { reference: string };
  paymentDate: string;
};

const CODES: Readonly<Record<string, string>> = {
  CARD: 'Card',
  PTPA: 'Patient Portal',
  HSA: 'HSA/FSA Card',
};

function neutral(paymentId: string, { contained: [payment], extension, ...entry }: Found): NeutralEntry {
  const method = extension.find(({ url }) => url.endsWith('/payment-method'))?.valueString ?? '';
  const place = extension.find(({ url }) => url === LISTED.location_extension_url)?.valueReference;
  // Both places hold the same amount: a server that keeps one of them keeps no payment.
  const amount =
    entry.amount.value === payment.paymentAmount.value ? entry.amount.value.toFixed(2) : 'two amounts';
  return {
    id: entry.id,
    paymentId,
    patientId: idIn('Patient', entry.request.reference) ?? '',
    amount,
    method: CODES[method] ?? method,
    location: place === undefined ? null : (idIn('Location', place.reference) ?? ''),
    referenceNumber: payment.paymentIdentifier.value,
    notes: payment.processNote?.[0]?.text ?? null,
    depositDate: entry.paymentDate,
  };
}

/** The FHIR R4 adapter and a server that runs already. Entries are read from it by a search of our own. */
export function serverUnderTest({
  baseUrl,
  token,
  settings,
  refusals,
}: {
  baseUrl: string;
  token: string;
  settings: R4Variant;
  /** What this server refuses, besides what every FHIR server does. */
  refusals: UnderTest['refusals'];
}): UnderTest {
  const { listed, ...parts } = partsOf(settings);
  const good = token === '' ? {} : { bearer_token: token };
  const connection = { userId: 1, adapter: 'fhir-r4', timeZone: 'America/New_York' };
  return {
    ...parts,
    baseUrl,
    refusals,
    credentials: { good, rejected: { bearer_token: 'expired-token-4711' } },
    open: ({ timeoutMs, deps, ...opened }) =>
      fhirR4.open({ ...connection, ...opened, settings: { ...settings, timeout_ms: timeoutMs } }, deps),
    practice: {
      ...parts.practice,
      // Entries of a server that is not ours hold the Location's id, and no number.
      locations: [
        { ...parts.practice.locations[0], inEntry: 'loc-main' },
        { ...parts.practice.locations[1], inEntry: 'loc-river' },
      ] as unknown as UnderTest['practice']['locations'],
    },
    async entries({ paymentId }) {
      const query = new URLSearchParams({
        identifier: `urn:emr-payments:payment-id|${paymentId}`,
        _count: '50',
      });
      const answer = await fetch(`${baseUrl}/PaymentNotice?${query}`, {
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
      const unprotected = { ...settings, conditional_create: false };
      const adapter = fhirR4.open(
        { ...connection, baseUrl, credentials: good, settings: unprotected },
        localAdapterDeps(),
      );
      const options = { signal: AbortSignal.timeout(10_000), mayStillSend: () => true };
      const result = await adapter.post(posting, options);
      if (result.outcome !== 'posted') throw new Error(JSON.stringify(result));
    },
  };
}
