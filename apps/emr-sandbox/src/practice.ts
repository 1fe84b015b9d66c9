import { type Static, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';

const Id = Type.String({ pattern: '^[A-Za-z0-9.-]{1,64}$' });
/** A record as one dialect received it, as text. Only that dialect reads it. */
const DocumentSchema = Type.Object({ dialect: Type.String(), text: Type.String() });

const PatientSchema = Type.Object({
  id: Id,
  mrn: Type.Optional(Type.String()),
  given: Type.Optional(Type.String()),
  family: Type.Optional(Type.String()),
  document: Type.Optional(DocumentSchema),
});
const LocationSchema = Type.Object({
  id: Id,
  name: Type.Optional(Type.String()),
  /** The practice's own numbers for it. Ledger and page show the first. */
  identifiers: Type.Array(Type.String()),
  document: Type.Optional(DocumentSchema),
});
/** `id` is the code that a posting carries. */
const MethodSchema = Type.Object({ id: Type.String(), name: Type.String() });
const SeedSchema = Type.Object({
  patients: Type.Array(PatientSchema),
  locations: Type.Array(LocationSchema),
  payment_methods: Type.Array(MethodSchema),
});

export type Patient = Static<typeof PatientSchema>;
export type Location = Static<typeof LocationSchema>;
export type Method = Static<typeof MethodSchema>;
export type PracticeSeed = Static<typeof SeedSchema>;
/** A change that a caller made to the practice. The ledger file keeps it with the postings. */
export type PracticeChange =
  | { kind: 'patient'; patient: Patient }
  | { kind: 'location'; location: Location }
  /** The whole list: it replaces the one before. */
  | { kind: 'methods'; methods: Method[] };

/**
 * Reads a seed file.
 *
 * @param upgradeSeed turns a seed of an earlier version into the current form, and returns any other value as it is.
 * @throws Error naming the first place of the file that is wrong.
 */
export function parseSeed(
  { upgradeSeed }: { upgradeSeed: (seed: unknown) => unknown },
  text: string,
): PracticeSeed {
  const seed = upgradeSeed(JSON.parse(text));
  const problem = Value.Errors(SeedSchema, seed).First();
  if (problem !== undefined) throw new Error(`SEED_FILE: ${problem.path}: ${problem.message.toLowerCase()}`);
  return seed as PracticeSeed;
}

/** Keeps records by id, in the order in which they first came. */
export class Shelf<T extends { id: string }> {
  #byId = new Map<string, T>();
  #numbers = new Map<string, number>();

  put(item: T): void {
    this.#byId.set(item.id, item);
    if (!this.#numbers.has(item.id)) this.#numbers.set(item.id, this.#numbers.size + 1);
  }
  replaceAll(items: readonly T[]): void {
    this.#byId.clear();
    for (const item of items) this.put(item);
  }
  get(id: string): T | undefined {
    return this.#byId.get(id);
  }
  /** Numbers the record from 1, for dialects with integer ids. Restarts and replaced lists do not change the number. */
  numberOf(id: string): number | undefined {
    return this.#numbers.get(id);
  }
  byNumber(number: number): T | undefined {
    return this.all().find(({ id }) => this.#numbers.get(id) === number);
  }
  all(): T[] {
    return [...this.#byId.values()];
  }
}

export type Practice = {
  patients: Shelf<Patient>;
  locations: Shelf<Location>;
  methods: Shelf<Method>;
  apply(change: PracticeChange): void;
};

/** Loads the practice as its EMR knows it: the seed, then every later change in order. */
export function loadPractice(seed: PracticeSeed, changes: Iterable<PracticeChange>): Practice {
  const practice: Practice = {
    patients: new Shelf<Patient>(),
    locations: new Shelf<Location>(),
    methods: new Shelf<Method>(),
    apply(change) {
      if (change.kind === 'patient') practice.patients.put(change.patient);
      else if (change.kind === 'location') practice.locations.put(change.location);
      else practice.methods.replaceAll(change.methods);
    },
  };
  for (const patient of seed.patients) practice.patients.put(patient);
  for (const location of seed.locations) practice.locations.put(location);
  practice.methods.replaceAll(seed.payment_methods);
  for (const change of changes) practice.apply(change);
  return practice;
}
