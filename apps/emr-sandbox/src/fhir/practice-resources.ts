import { type Static, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import type { Location, Method, Patient, PracticeChange } from '../practice.ts';
import { type Identifier, LOCATION_SYSTEM, MRN_SYSTEM } from './identifiers.ts';

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

export function patientOf(resource: Static<typeof PatientSchema>): Patient {
  const mrn = resource.identifier?.[0]?.value;
  const names: unknown = 'name' in resource ? resource.name : undefined;
  const [name = {}] = Value.Check(NamesSchema, names) ? names : [];
  return {
    id: resource.id,
    ...(mrn === undefined ? {} : { mrn }),
    ...(name.given === undefined ? {} : { given: name.given.join(' ') }),
    ...(name.family === undefined ? {} : { family: name.family }),
    document: documentOf(resource),
  };
}

export function locationOf(resource: Static<typeof LocationSchema>): Location {
  const { id, name, identifier = [] } = resource;
  return {
    id,
    ...(name === undefined ? {} : { name }),
    identifiers: identifier.map(({ value }) => value),
    document: documentOf(resource),
  };
}

export function methodsOf(concept: Static<typeof ConceptsSchema>): Method[] {
  return concept.map(({ code, display }) => ({ id: code, name: display }));
}

/** The change of the practice that a PUT of the resource makes. */
export function changeOf(resource: PracticeResource): PracticeChange {
  if (resource.resourceType === 'Patient') return { kind: 'patient', patient: patientOf(resource) };
  if (resource.resourceType === 'Location') return { kind: 'location', location: locationOf(resource) };
  return { kind: 'methods', methods: methodsOf(resource.concept) };
}

function asSent({ id, document }: Patient | Location): Resource | undefined {
  if (document?.dialect !== NAME) return undefined;
  const { identifier } = JSON.parse(document.text) as { identifier?: Identifier[] };
  return { id, identifiers: identifier ?? [], json: document.text };
}

function translatePatient({ id, mrn, given, family }: Patient): Resource {
  const identifiers = mrn === undefined ? [] : [{ system: MRN_SYSTEM, value: mrn }];
  const name = {
    ...(given === undefined ? {} : { given: [given] }),
    ...(family === undefined ? {} : { family }),
  };
  const resource = {
    resourceType: 'Patient',
    id,
    active: true,
    ...(identifiers.length === 0 ? {} : { identifier: identifiers }),
    ...(Object.keys(name).length === 0 ? {} : { name: [name] }),
  };
  return { id, identifiers, json: JSON.stringify(resource) };
}

function translateLocation({ id, name, identifiers: values }: Location): Resource {
  const identifiers = values.map((value) => ({ system: LOCATION_SYSTEM, value }));
  const resource = {
    resourceType: 'Location',
    id,
    status: 'active',
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
    const resource = asSent(record) ?? make(record);
    made.set(record, resource);
    return resource;
  };
}

/** Readers of the practice's records as FHIR resources: as they were PUT, or translated from the neutral fields. */
export function createResourceReaders() {
  return { patient: remember(translatePatient), location: remember(translateLocation) };
}
