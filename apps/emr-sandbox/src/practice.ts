import { type Static, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';

const IdentifierSchema = Type.Object({ system: Type.Optional(Type.String()), value: Type.String() });

/** What the sandbox keeps of a FHIR Patient or Location; further elements are kept and given back as they came. */
export const PatientSchema = Type.Object({
  resourceType: Type.Literal('Patient'),
  id: Type.String({ pattern: '^[A-Za-z0-9.-]{1,64}$' }),
  identifier: Type.Optional(Type.Array(IdentifierSchema)),
});
export const LocationSchema = Type.Object({
  resourceType: Type.Literal('Location'),
  id: Type.String({ pattern: '^[A-Za-z0-9.-]{1,64}$' }),
  identifier: Type.Optional(Type.Array(IdentifierSchema)),
  name: Type.Optional(Type.String()),
  status: Type.Optional(Type.String()),
});
/** The practice's payment methods, in full: putting it replaces the list. */
export const CodeSystemSchema = Type.Object({
  resourceType: Type.Literal('CodeSystem'),
  id: Type.Literal('payment-methods'),
  concept: Type.Array(Type.Object({ code: Type.String(), display: Type.String() })),
});
const SeedSchema = Type.Object({
  patients: Type.Array(PatientSchema),
  locations: Type.Array(LocationSchema),
  payment_methods: CodeSystemSchema.properties.concept,
});

export type Patient = Static<typeof PatientSchema>;
export type Location = Static<typeof LocationSchema>;
export type CodeSystem = Static<typeof CodeSystemSchema>;
export type PracticeSeed = Static<typeof SeedSchema>;
/** What can be put, and is kept in the ledger file with the postings. */
export type PracticeResource = Patient | Location | CodeSystem;
export type Identified = { id: string; identifier?: { system?: string; value: string }[] };

export const METHOD_SYSTEM = 'urn:emr-payments:payment-method';
export const METHOD_VALUE_SET = 'urn:emr-payments:payment-methods';

/** @throws Error naming the first place of a seed file that is wrong. */
export function parseSeed(text: string): PracticeSeed {
  const seed: unknown = JSON.parse(text);
  const problem = Value.Errors(SeedSchema, seed).First();
  if (problem !== undefined) throw new Error(`SEED_FILE: ${problem.path}: ${problem.message.toLowerCase()}`);
  return seed as PracticeSeed;
}

/** A FHIR token: `system|value`, `|value` (an identifier without a system), or `value` (in any system). */
export function matchesToken(resource: Identified, token: string): boolean {
  const bar = token.lastIndexOf('|');
  const value = token.slice(bar + 1);
  return (resource.identifier ?? []).some(
    (each) => each.value === value && (bar === -1 || (each.system ?? '') === token.slice(0, bar)),
  );
}

class Shelf<T extends Identified> {
  #byId = new Map<string, T>();

  put(resource: T): void {
    this.#byId.set(resource.id, resource);
  }
  get(id: string): T | undefined {
    return this.#byId.get(id);
  }
  all(): T[] {
    return [...this.#byId.values()];
  }
}

export type Practice = {
  patients: Shelf<Patient>;
  locations: Shelf<Location>;
  /** code → display, in the practice's order. */
  methods: Map<string, string>;
  put(resource: PracticeResource): void;
};

/** What a practice has set up in its EMR: the seed, and over it whatever was put later. */
export function openPractice(seed: PracticeSeed, later: Iterable<PracticeResource>): Practice {
  const practice: Practice = {
    patients: new Shelf<Patient>(),
    locations: new Shelf<Location>(),
    methods: new Map(),
    put(resource) {
      if (resource.resourceType === 'Patient') practice.patients.put(resource);
      else if (resource.resourceType === 'Location') practice.locations.put(resource);
      else {
        practice.methods.clear();
        for (const { code, display } of resource.concept) practice.methods.set(code, display);
      }
    },
  };
  for (const patient of seed.patients) practice.put(patient);
  for (const location of seed.locations) practice.put(location);
  practice.put({ resourceType: 'CodeSystem', id: 'payment-methods', concept: seed.payment_methods });
  for (const resource of later) practice.put(resource);
  return practice;
}
