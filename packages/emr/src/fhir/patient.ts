import { type Static, Type } from '@sinclair/typebox';
import { folded } from '../folded.ts';
import { listedMrn } from '../listed-mrn.ts';
import type { FhirConnection } from './connection.ts';
import { readPatientId } from './patient-id.ts';
import { createdSchema, MetaSchema } from './resources.ts';

const Text = Type.Optional(Type.String());

/** A server that is asked for patients. */
export type PatientServer = Pick<FhirConnection, 'session' | 'secrets'> & {
  /** The system of the practice's MRNs in Patient.identifier. */
  mrnSystem: string;
  /** The largest page that we request. */
  largestPage: number;
};

/** The elements of a patient that are read. Names, birth dates and everything else go with the parsed answer. */
export const PatientSchema = Type.Object({
  ...createdSchema('Patient').properties,
  meta: Type.Optional(MetaSchema),
  identifier: Type.Optional(Type.Array(Type.Object({ use: Text, system: Text, value: Text }))),
  active: Type.Optional(Type.Boolean()),
  link: Type.Optional(
    Type.Array(Type.Object({ type: Text, other: Type.Optional(Type.Object({ reference: Text })) })),
  ),
});
export type Patient = Static<typeof PatientSchema>;

/**
 * The MRNs of a patient, normalized. One of the use `old` "is no longer considered valid"
 * (https://hl7.org/fhir/R5/valueset-identifier-use.html): it may be another patient's by now.
 */
export function mrnsOf({ identifier = [] }: Patient, mrnSystem: string): string[] {
  const texts = identifier.filter(({ use, system }) => use !== 'old' && system === mrnSystem);
  return [...new Set(texts.flatMap(({ value }) => listedMrn(value) ?? []))];
}

/** True when a server that compares without case may give the patient for this identifier. */
export function mayCarry({ identifier = [] }: Patient, { system, value }: { system: string; value: string }) {
  return identifier.some(
    (each) => each.system === system && folded(each.value ?? '').trim() === folded(value).trim(),
  );
}

export type PatientState = { state: 'active' | 'closed' } | { state: 'merged'; into: string | null };

/** The id of the patient of this server to whom a reference leads; null for any other reference. */
function idOfReference(reference: string | undefined, baseUrl: string): string | null {
  if (reference === undefined || !reference.includes('Patient/')) return null;
  const read = readPatientId(reference, { baseUrl });
  return read.ok ? read.id : null;
}

/**
 * Reads what became of a record. `replaced-by`: it "must no longer be used", and the link "points forward to another patient resource
 * that must be used in lieu" of it (https://hl7.org/fhir/R5/valueset-link-type.html). `active` false marks a record that is not in use
 * or was made by mistake (https://hl7.org/fhir/R5/patient-definitions.html#Patient.active). One who has died still owes.
 */
export function stateOf({ active = true, link = [] }: Patient, baseUrl: string): PatientState {
  const replaced = link.filter(({ type }) => type === 'replaced-by');
  if (replaced.length === 0) return { state: active ? 'active' : 'closed' };
  const [into = null, ...others] = new Set(
    replaced.map(({ other }) => idOfReference(other?.reference, baseUrl)),
  );
  return { state: 'merged', into: others.length === 0 ? into : null };
}
