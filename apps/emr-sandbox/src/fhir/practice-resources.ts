import { type Static, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { isOnFile, type Patient, statusOf, updatedAtOf } from '../patients/patient.ts';
import { personOf } from '../patients/person.ts';
import type { Location, Method, PracticeChange } from '../practice.ts';
import { type Identifier, LOCATION_SYSTEM, MRN_SYSTEM } from './identifiers.ts';
import type { Json } from './json.ts';

/** The name in the documents of ledger files. Patient and Location are alike in R4 and R5, so both dialects read them. */
const NAME = 'fhir-r5';

const Id = Type.String({ pattern: '^[A-Za-z0-9.-]{1,64}$' });
const IdentifiersSchema = Type.Optional(
  Type.Array(Type.Object({ system: Type.Optional(Type.String()), value: Type.String() })),
);

/** Names the elements that the sandbox reads; others are kept and given back as they came. */
export const PatientSchema = Type.Object({
  resourceType: Type.Literal('Patient'),
  id: Id,
  identifier: IdentifiersSchema,
  active: Type.Optional(Type.Boolean()),
});
export const LocationSchema = Type.Object({
  resourceType: Type.Literal('Location'),
  id: Id,
  identifier: IdentifiersSchema,
  name: Type.Optional(Type.String()),
  status: Type.Optional(Type.String()),
});
export const ConceptsSchema = Type.Array(Type.Object({ code: Type.String(), display: Type.String() }));
/** The practice's payment methods, in full: a PUT replaces the list. */
export const CodeSystemSchema = Type.Object({
  resourceType: Type.Literal('CodeSystem'),
  id: Type.Literal('payment-methods'),
  concept: ConceptsSchema,
});
const NamesSchema = Type.Array(
  Type.Object({
    given: Type.Optional(Type.Array(Type.String())),
    family: Type.Optional(Type.String()),
  }),
  { minItems: 1 },
);

export type PracticeResource =
  | Static<typeof PatientSchema>
  | Static<typeof LocationSchema>
  | Static<typeof CodeSystemSchema>;
/** A Patient or Location with its JSON text. */
export type Resource = { id: string; identifiers: readonly Identifier[]; json: string };

const documentOf = (resource: object) => ({ dialect: NAME, text: JSON.stringify(resource) });

export function patientOf(resource: Static<typeof PatientSchema>, updatedAt?: string): Patient {
  const mrn = resource.identifier?.[0]?.value;
  const names: unknown = 'name' in resource ? resource.name : undefined;
  const [name = {}] = Value.Check(NamesSchema, names) ? names : [];
  return {
    id: resource.id,
    ...(mrn === undefined ? {} : { mrn }),
    ...(name.given === undefined ? {} : { given: name.given.join(' ') }),
    ...(name.family === undefined ? {} : { family: name.family }),
    ...(resource.active === false ? { status: 'inactive' as const } : {}),
    ...(updatedAt === undefined ? {} : { updatedAt }),
    document: documentOf(resource),
  };
}

export function locationOf(resource: Static<typeof LocationSchema>): Location {
  const { id, name, identifier = [] } = resource;
  return {
    id,
    ...(name === undefined ? {} : { name }),
    identifiers: identifier.map(({ value }) => value),
    ...(resource.status === undefined || resource.status === 'active' ? {} : { active: false }),
    document: documentOf(resource),
  };
}

export function methodsOf(concept: Static<typeof ConceptsSchema>): Method[] {
  return concept.map(({ code, display }) => ({ id: code, name: display }));
}

/** The change of the practice that a PUT of the resource makes at an ISO instant. */
export function changeOf(resource: PracticeResource, at: string): PracticeChange {
  if (resource.resourceType === 'Patient') return { kind: 'patient', patient: patientOf(resource, at) };
  if (resource.resourceType === 'Location') return { kind: 'location', location: locationOf(resource) };
  return { kind: 'methods', methods: methodsOf(resource.concept) };
}

/** The record as it was PUT; undefined when another dialect or a seed made it. */
function sentOf({ document }: Patient | Location): (Json & { identifier?: Identifier[] }) | undefined {
  return document?.dialect === NAME ? JSON.parse(document.text) : undefined;
}

/** A Patient in full, for a record without a document. */
function translate(patient: Patient): Json & { identifier?: Identifier[] } {
  const { given, middle, family, birthDate, phone, email, street } = personOf(patient);
  return {
    resourceType: 'Patient',
    id: patient.id,
    ...(patient.mrn === undefined ? {} : { identifier: [{ system: MRN_SYSTEM, value: patient.mrn }] }),
    name: [{ use: 'official', ...(family === '' ? {} : { family }), given: [given, middle].filter(Boolean) }],
    telecom: [
      { system: 'phone', value: phone },
      { system: 'email', value: email },
    ],
    gender: 'unknown',
    birthDate,
    address: [{ line: [street], city: 'Nowhere' }],
  };
}

/** The first identifier with the present MRN in it: a person may have changed it since the record was PUT. */
function withMrn(identifiers: readonly Identifier[], mrn: string | undefined): Identifier[] {
  if (identifiers[0]?.value === mrn) return [...identifiers];
  const [{ system } = { system: MRN_SYSTEM }, ...others] = identifiers;
  return mrn === undefined
    ? others
    : [{ ...(system === undefined ? {} : { system }), value: mrn }, ...others];
}

/**
 * Shows a patient. A merged one is not active and links to the one that replaced it
 * (https://hl7.org/fhir/R4/patient-definitions.html#Patient.link).
 */
function showPatient(patient: Patient): Resource {
  const { identifier = [], ...rest } = sentOf(patient) ?? translate(patient);
  const identifiers = withMrn(identifier, patient.mrn);
  const { mergedInto } = patient;
  const status = statusOf(patient);
  const resource = {
    ...rest,
    meta: { ...(rest.meta as Json | undefined), lastUpdated: updatedAtOf(patient) },
    ...(identifiers.length === 0 ? {} : { identifier: identifiers }),
    active: isOnFile(patient) && status !== 'inactive' && status !== 'archived',
    ...(status === 'deceased' ? { deceasedBoolean: true } : {}),
    ...(mergedInto === undefined
      ? {}
      : { link: [{ other: { reference: `Patient/${mergedInto}` }, type: 'replaced-by' }] }),
  };
  return { id: patient.id, identifiers, json: JSON.stringify(resource) };
}

/** A status that was sent stays as it came, unless a person has opened or closed the location since. */
function statusOfLocation(sent: Json | undefined, active: boolean): string | undefined {
  const given = sent?.status as string | undefined;
  if (active) return sent === undefined || given !== undefined ? 'active' : undefined;
  return given === undefined || given === 'active' ? 'inactive' : given;
}

function showLocation(location: Location): Resource {
  const { id, name, identifiers: values, active = true } = location;
  const sent = sentOf(location);
  const status = statusOfLocation(sent, active);
  const identifiers = sent?.identifier ?? values.map((value) => ({ system: LOCATION_SYSTEM, value }));
  const resource = {
    ...(sent ?? { resourceType: 'Location', id }),
    ...(status === undefined ? {} : { status }),
    ...(identifiers.length === 0 ? {} : { identifier: identifiers }),
    ...(name === undefined ? {} : { name }),
  };
  return { id, identifiers, json: JSON.stringify(resource) };
}

/** Remembers the resource of each record, so that a search through thousands of records builds each only once. */
function remember<T extends Patient | Location>(make: (record: T) => Resource): (record: T) => Resource {
  const made = new WeakMap<T, Resource>();
  return (record) => {
    const known = made.get(record);
    if (known !== undefined) return known;
    const resource = make(record);
    made.set(record, resource);
    return resource;
  };
}

/** Readers of the practice's records as FHIR resources: as they were PUT, or translated from the neutral fields. */
export function createResourceReaders() {
  return { patient: remember(showPatient), location: remember(showLocation) };
}
