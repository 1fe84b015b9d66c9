import type { NeutralEntry, UnderTest } from '../../../conformance/under-test.ts';
import { idIn } from '../../../fhir/entry-id.ts';
import { REFUSALS } from '../../../fhir/testing/run-against-server.ts';
import { fhirServerUnderTest, type RunningServer } from '../../../fhir/testing/server-under-test.ts';
import { fhirR5 } from '../adapter.ts';
import { partsOf, type R5Variant, TYPE } from '../under-test.fixture.ts';

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

/** The FHIR R5 adapter and a server that runs already. */
export function serverUnderTest(server: RunningServer, settings: R5Variant): UnderTest {
  const { practice, ...parts } = partsOf(settings);
  return fhirServerUnderTest(server, {
    ...parts,
    dialect: fhirR5,
    type: TYPE,
    settings,
    refusals: REFUSALS,
    neutral,
    practice: {
      ...practice,
      locations: [
        { given: '1404', code: { id: 'loc-main', name: 'Main Street Clinic' }, inEntry: 'loc-main' },
        { given: 'loc-river', code: { id: 'loc-river', name: 'Riverside Clinic' }, inEntry: 'loc-river' },
      ],
    },
  });
}
