import type { EmrCode } from '../lists.ts';
import { chooseVersion, type Definitions } from './definitions.ts';
import { isPartial } from './expand.ts';
import { type Listed, readConcepts, readEach } from './methods.ts';
import type { Failed } from './read.ts';
import { type ComposePart, ComposePartSchema } from './terminology-resources.ts';

/** The cost of putting a ValueSet together once more, in concepts: each may be included in many others. */
const COST = 100;

/** Deeper than any ValueSet of payment methods that includes another one. */
const DEEPEST = 10;

export type Composed = ({ ok: true } & Listed<EmrCode>) | Failed;
type Methods = Listed<EmrCode>;
type Deps = { definitions: Definitions };

/** The codes of a CodeSystem, at any depth, with the names that it gives them. */
async function codesOf({ definitions }: Deps, { system, version }: ComposePart): Promise<Composed> {
  const url = system ?? '';
  const found = await definitions.codeSystems(url);
  if (!found.ok) return found;
  // A supplement adds to a CodeSystem and is none itself.
  const whole = found.value.filter(({ content }) => content !== 'supplement');
  const { chosen, unusable } = chooseVersion(whole, { type: 'CodeSystem', url, version });
  if (chosen === undefined) return definitions.missing({ type: 'CodeSystem', canonical: url });
  const read = readConcepts(chosen.concept, { system: url });
  const tooMany = definitions.spend(read.seen);
  if (tooMany !== null) return tooMany;
  const partly =
    (chosen.content ?? 'complete') === 'complete'
      ? []
      : [`the rest of CodeSystem ${url}, of which the EMR has only a part (${chosen.content})`];
  return {
    ok: true,
    value: read.value,
    unusable: [...found.unusable, ...unusable, ...partly, ...read.unusable],
  };
}

/** The listed codes of a part. Those without a name get the one that the CodeSystem gives them. */
async function listedCodes(deps: Deps, part: ComposePart): Promise<Composed> {
  const { system, concept = [] } = part;
  const { value, unusable, seen } = readConcepts(concept, { system });
  const tooMany = deps.definitions.spend(seen);
  if (tooMany !== null) return tooMany;
  const unnamed = value.some(({ id, name }) => id === `${system ?? ''}|${name}`);
  if (!unnamed || system === undefined) return { ok: true, value, unusable };
  const defined = await codesOf(deps, part);
  // The list itself is whole: without the CodeSystem, codes are their own names.
  if (!defined.ok) return defined.trouble.code === 'list_not_found' ? { ok: true, value, unusable } : defined;
  const names = new Map(defined.value.map(({ id, name }) => [id, name]));
  return {
    ok: true,
    value: value.map((each) =>
      each.id === `${system}|${each.name}` ? { ...each, name: names.get(each.id) ?? each.name } : each,
    ),
    unusable,
  };
}

const CANNOT_FILTER = "has a filter, which only the EMR's own $expand can apply";

/**
 * The codes of one part of a `compose`: those of its system that are also in each of its ValueSets
 * (https://hl7.org/fhir/R5/valueset-definitions.html#ValueSet.compose.include.valueSet).
 *
 * @param input.filtered what a filter that we cannot apply lets through: `none` in an include, so that nothing is listed that may
 *   not be meant, `all` in an exclude.
 */
async function codesOfPart(
  deps: Deps,
  { part, filtered, above }: { part: ComposePart; filtered: 'none' | 'all'; above: readonly string[] },
): Promise<Composed> {
  const unusable: string[] = [];
  const sets: Methods[] = [];
  if ((part.filter ?? []).length > 0) {
    unusable.push(`a part of the ValueSet, with codes of ${part.system ?? 'no system'}: it ${CANNOT_FILTER}`);
    if (filtered === 'none') return { ok: true, value: [], unusable };
  }
  if (part.concept !== undefined || part.system !== undefined) {
    const own = part.concept === undefined ? await codesOf(deps, part) : await listedCodes(deps, part);
    if (!own.ok) return own;
    sets.push(own);
  }
  for (const canonical of part.valueSet ?? []) {
    if (typeof canonical !== 'string') {
      unusable.push('a part of the ValueSet, which includes another one without its URL');
      return { ok: true, value: [], unusable };
    }
    const other = await composeValueSet(deps, { canonical, above });
    if (!other.ok) return other;
    sets.push(other);
  }
  const [first, ...others] = sets;
  const ids = others.map((set) => new Set(set.value.map(({ id }) => id)));
  const value = (first?.value ?? []).filter(({ id }) => ids.every((set) => set.has(id)));
  return { ok: true, value, unusable: [...unusable, ...sets.flatMap((set) => set.unusable)] };
}

/**
 * Reads a ValueSet by its definition, for servers that cannot expand: the union of what it includes, without what it excludes.
 * Whatever cannot be applied or read is named.
 *
 * @param input.canonical its URL, with `|version` where one is wanted.
 * @param input.above the ValueSets that led here: one that includes itself adds nothing.
 */
export async function composeValueSet(
  deps: Deps,
  { canonical, above = [] }: { canonical: string; above?: readonly string[] },
): Promise<Composed> {
  if (above.includes(canonical) || above.length === DEEPEST) {
    return { ok: true, value: [], unusable: [`ValueSet ${canonical}, which includes itself`] };
  }
  const tooMany = deps.definitions.spend(COST);
  if (tooMany !== null) return tooMany;
  const [url = '', version] = canonical.split('|');
  const found = await deps.definitions.valueSets(url);
  if (!found.ok) return found;
  const { chosen, unusable: versions } = chooseVersion(found.value, { type: 'ValueSet', url, version });
  if (chosen === undefined) return deps.definitions.missing({ type: 'ValueSet', canonical });
  const unusable = [...found.unusable, ...versions];
  const { compose, expansion } = chosen;
  const parts = readEach(ComposePartSchema, compose?.include);
  const excluded = readEach(ComposePartSchema, compose?.exclude);
  const filtered = [...parts, ...excluded].some((part) => (part?.filter ?? []).length > 0);
  // An expansion that is stored with the ValueSet knows what its filters give.
  if (expansion !== undefined && !isPartial(expansion) && (compose === undefined || filtered)) {
    const read = readConcepts(expansion.contains, {});
    const tooManyCodes = deps.definitions.spend(read.seen);
    if (tooManyCodes !== null) return tooManyCodes;
    if ((expansion.total ?? 0) <= read.seen)
      return { ok: true, value: read.value, unusable: [...unusable, ...read.unusable] };
  }

  const included: EmrCode[][] = [];
  const named: string[][] = [unusable];
  for (const part of parts) {
    if (part === null) {
      named.push([`a part of ValueSet ${url} that cannot be read`]);
      continue;
    }
    const codes = await codesOfPart(deps, { part, filtered: 'none', above: [...above, canonical] });
    if (!codes.ok) return codes;
    included.push(codes.value);
    named.push(codes.unusable);
  }
  const without = new Set<string>();
  for (const part of excluded) {
    if (part === null)
      return {
        ok: true,
        value: [],
        unusable: [...named.flat(), `all of ValueSet ${url}: what it excludes cannot be read`],
      };
    const codes = await codesOfPart(deps, { part, filtered: 'all', above: [...above, canonical] });
    if (!codes.ok) return codes;
    for (const { id } of codes.value) without.add(id);
    named.push(codes.unusable.filter((each) => each.endsWith(CANNOT_FILTER)));
  }
  return {
    ok: true,
    value: included.flat().filter(({ id }) => !without.has(id)),
    unusable: named.flat(),
  };
}
