import { type Static, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { DocumentSchema, IdSchema, type Patient, PatientSchema, SEEDED_AT } from './patients/patient.ts';
import { PatientRoll } from './patients/patient-roll.ts';

const LocationSchema = Type.Object({
  id: IdSchema,
  name: Type.Optional(Type.String()),
  /** The practice's own numbers for it. Ledger and page show the first. */
  identifiers: Type.Array(Type.String()),
  /** false: the practice does not use it at present. */
  active: Type.Optional(Type.Boolean()),
  /** true: it is in no list, and takes no payment. */
  removed: Type.Optional(Type.Boolean()),
  document: Type.Optional(DocumentSchema),
});
/** `id` is the code that a posting carries. */
const MethodSchema = Type.Object({ id: Type.String(), name: Type.String() });
const SeedSchema = Type.Object({
  patients: Type.Array(PatientSchema),
  locations: Type.Array(LocationSchema),
  payment_methods: Type.Array(MethodSchema),
});

export type { Patient } from './patients/patient.ts';
export type Location = Static<typeof LocationSchema>;
export type Method = Static<typeof MethodSchema>;
export type PracticeSeed = Static<typeof SeedSchema>;
/** A change of the practice. The ledger file keeps it with the postings. */
export type PracticeChange =
  | { kind: 'patient'; patient: Patient }
  | { kind: 'location'; location: Location }
  /** The whole list: it replaces the one before. */
  | { kind: 'methods'; methods: Method[] }
  /** Patients are made by number until there are `count`. */
  | { kind: 'made'; count: number; at: string };

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

/** Keeps records by id, in the order in which they first came. One that was removed keeps its number and is not found. */
export class Shelf<T extends { id: string; removed?: boolean }> {
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
    const item = this.#byId.get(id);
    return item?.removed === true ? undefined : item;
  }
  /** Any record, also a removed one. */
  record(id: string): T | undefined {
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
    return [...this.#byId.values()].filter(({ removed }) => removed !== true);
  }
}

export type Practice = {
  patients: PatientRoll;
  locations: Shelf<Location>;
  methods: Shelf<Method>;
  apply(change: PracticeChange): void;
};

/**
 * Loads the practice as its EMR knows it: the seed, then every later change in order.
 *
 * @param seed.made patients that are made by number at the start.
 */
export function loadPractice(
  { made = 0, ...seed }: PracticeSeed & { made?: number },
  changes: Iterable<PracticeChange>,
): Practice {
  const practice: Practice = {
    patients: new PatientRoll(),
    locations: new Shelf<Location>(),
    methods: new Shelf<Method>(),
    apply(change) {
      if (change.kind === 'patient') practice.patients.put(change.patient);
      else if (change.kind === 'location') practice.locations.put(change.location);
      else if (change.kind === 'made') practice.patients.make(change.count, change.at);
      else practice.methods.replaceAll(change.methods);
    },
  };
  practice.patients.make(made, SEEDED_AT);
  for (const patient of seed.patients) practice.patients.put(patient);
  for (const location of seed.locations) practice.locations.put(location);
  practice.methods.replaceAll(seed.payment_methods);
  for (const change of changes) practice.apply(change);
  return practice;
}
