import type { NeutralEntry, UnderTest } from '../../../conformance/under-test.ts';
import { idIn } from '../../../fhir/entry-id.ts';
import { fhirServerUnderTest, type RunningServer } from '../../../fhir/testing/server-under-test.ts';
import { fhirR4 } from '../adapter.ts';
import { LISTED, partsOf, type R4Variant, TYPE } from '../under-test.fixture.ts';

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

/** The FHIR R4 adapter and a server that runs already. */
export function serverUnderTest(
  server: RunningServer,
  {
    settings,
    refusals,
  }: {
    settings: R4Variant;
    /** The postings that this server refuses. */
    refusals: UnderTest['refusals'];
  },
): UnderTest {
  const { listed, practice, ...parts } = partsOf(settings);
  const [main, river] = practice.locations;
  return fhirServerUnderTest(server, {
    ...parts,
    dialect: fhirR4,
    type: TYPE,
    settings,
    refusals,
    neutral,
    practice: {
      ...practice,
      // Entries of a server that is not ours hold the Location's id, and no number.
      locations: [
        { ...main, inEntry: 'loc-main' },
        { ...river, inEntry: 'loc-river' },
      ],
    },
  });
}
