import type { PatientEntry } from '@emr-payments/db';
import { Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';

const BundleSchema = Type.Object({
  entry: Type.Optional(
    Type.Array(
      Type.Object({
        resource: Type.Object({
          id: Type.String(),
          identifier: Type.Optional(Type.Array(Type.Object({ value: Type.String() }))),
        }),
      }),
    ),
  ),
});

/**
 * The patients that the sandbox knows: each of their identifiers, with its FHIR id.
 *
 * @throws Error when the sandbox does not answer with a Bundle.
 */
export async function readPatients({ fhirUrl }: { fhirUrl: string }): Promise<PatientEntry[]> {
  const answer = await fetch(`${fhirUrl}/Patient?_count=1000`, { signal: AbortSignal.timeout(10_000) });
  if (!answer.ok) throw new Error(`${fhirUrl}/Patient was answered with ${answer.status}`);
  const bundle = Value.Decode(BundleSchema, await answer.json());
  return (bundle.entry ?? []).flatMap(({ resource }) =>
    (resource.identifier ?? []).map(({ value }) => ({ mrn: value, emrPatientId: resource.id })),
  );
}
