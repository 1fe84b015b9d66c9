import { type Static, type TSchema, Type } from '@sinclair/typebox';
import type { EmrCode } from '../lists.ts';
import { as } from './resources.ts';

/** A list, and the entries of the EMR's answer that are not in it because they cannot be used. */
export type Listed<T> = { value: T[]; unusable: string[] };

/**
 * More concepts than a list of payment methods is made of, those of the CodeSystems that it takes a part of included. Reading
 * them takes the worker's one thread from all other practices.
 */
export const MOST_CONCEPTS = 100_000;

/** Deeper than any list of payment methods: what is below is named, not read. */
const DEEPEST = 20;

const PropertySchema = Type.Object({
  code: Type.String(),
  valueBoolean: Type.Optional(Type.Boolean()),
  valueCode: Type.Optional(Type.String()),
});
/** A concept as an expansion, a `compose` and a CodeSystem have it. */
const ConceptSchema = Type.Object({
  system: Type.Optional(Type.String()),
  code: Type.Optional(Type.String()),
  display: Type.Optional(Type.String()),
  abstract: Type.Optional(Type.Boolean()),
  inactive: Type.Optional(Type.Boolean()),
  property: Type.Optional(Type.Array(Type.Unknown())),
  contains: Type.Optional(Type.Array(Type.Unknown())),
  concept: Type.Optional(Type.Array(Type.Unknown())),
});
type Concept = Static<typeof ConceptSchema>;

/** Reads each item of a list for itself: one that does not fit does not make the others unreadable. */
export function readEach<T extends TSchema>(
  schema: T,
  items: readonly unknown[] | undefined,
): (Static<T> | null)[] {
  return (items ?? []).map((item) => as(schema, item));
}

/** The properties by which a CodeSystem retires a code or makes it a heading (https://hl7.org/fhir/R5/codesystem-concept-properties.html). */
function flagsOf({ abstract = false, inactive = false, property }: Concept) {
  const properties = readEach(PropertySchema, property);
  const has = (code: string, ...values: (boolean | string)[]) =>
    properties.some(
      (each) => each?.code === code && values.includes(each.valueBoolean ?? each.valueCode ?? ''),
    );
  return {
    heading: abstract || has('notSelectable', true),
    retired: inactive || has('inactive', true) || has('status', 'retired', 'inactive'),
  };
}

/** @returns why the concept is no method that a payment can have; null when it is one. */
function unusableBecause(concept: Concept): string | null {
  const { heading, retired } = flagsOf(concept);
  if (concept.code === undefined || concept.code.trim() === '')
    return heading ? 'is a heading' : 'has no code';
  if (heading) return 'is a heading';
  if (retired) return 'is inactive';
  // A bar separates system and code in the token `system|code`.
  return concept.code.includes('|') ? "has a code with '|' in it" : null;
}

/** The FHIR token `system|code` is the id of a method. A display of blanks is none. */
function methodOf({ system = '', code = '', display = '' }: Concept): EmrCode {
  return { id: `${system}|${code}`, name: display.trim() === '' ? code : display };
}

export type Concepts = Listed<EmrCode> & {
  /** All concepts that were seen, headings and unusable ones included: by this an expansion is paged. */
  seen: number;
};

/**
 * Reads concepts at any depth, up to 20 levels.
 *
 * @param input.system for concepts that do not say theirs.
 */
export function readConcepts(
  nodes: readonly unknown[] | undefined,
  { system, from = 0 }: { system?: string | undefined; from?: number },
): Concepts {
  const found: Concepts = { value: [], unusable: [], seen: 0 };
  const walk = (items: readonly unknown[], { place, depth }: { place: string; depth: number }): void => {
    for (const [index, item] of items.entries()) {
      found.seen += 1;
      const here = place === '' ? String(from + index + 1) : `${place}.${index + 1}`;
      const concept = as(ConceptSchema, item);
      if (concept === null) {
        found.unusable.push(`entry ${here} cannot be read`);
        continue;
      }
      const whole = system === undefined ? concept : { system, ...concept };
      const why = unusableBecause(whole);
      if (why === null) found.value.push(methodOf(whole));
      else found.unusable.push(`${nameOf(whole) ?? `entry ${here}`} ${why}`);
      const below = [...(concept.contains ?? []), ...(concept.concept ?? [])];
      if (below.length === 0) continue;
      if (depth === DEEPEST) found.unusable.push(`entry ${here} has entries that are nested too deeply`);
      else walk(below, { place: here, depth: depth + 1 });
    }
  };
  walk(nodes ?? [], { place: '', depth: 1 });
  return found;
}

function nameOf({ display, code }: Concept): string | null {
  const name = [display, code].find((text) => text !== undefined && text.trim() !== '');
  return name === undefined ? null : `'${name.trim()}'`;
}

/**
 * Makes one entry of those with the same id, and names those that call it otherwise. Entries with the same name and different
 * ids all stay: a payment that gives the name is refused, because it names neither.
 */
export function uniqueById<T extends EmrCode>({ value, unusable }: Listed<T>): Listed<T> {
  const byId = new Map<string, T>();
  const others: string[] = [];
  for (const entry of value) {
    const known = byId.get(entry.id);
    if (known === undefined) byId.set(entry.id, entry);
    else if (known.name !== entry.name)
      others.push(`'${entry.name}' has the same id as '${known.name}' (${entry.id})`);
  }
  return { value: [...byId.values()], unusable: [...unusable, ...new Set(others)] };
}
