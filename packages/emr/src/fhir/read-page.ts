import type { Static, TSchema } from '@sinclair/typebox';
import { type Remarks, remarksOf } from './remarks.ts';
import { as, type BundleSchema, EntrySchema, OperationOutcomeSchema } from './resources.ts';

/** One page of search results, every entry accounted for. */
export type Page<T> = Remarks & {
  matches: T[];
  entriesSeen: number;
  entriesUnderstood: number;
  /** Names each entry that is neither a match, an included resource, nor a remark of the server. */
  unusable: string[];
};

/** Names an entry by its place and, where it is a plain one, its id: never by its content. */
function nameOf(raw: unknown, place: number): string {
  const resource = (raw as { resource?: { resourceType?: unknown; id?: unknown } } | null)?.resource;
  if (resource === undefined || resource === null) return `entry ${place}, without a resource`;
  const { resourceType, id } = resource;
  const named = [resourceType, id].every((each) => typeof each === 'string' && /^[\w.-]{1,64}$/.test(each));
  return named ? `entry ${place}, ${resourceType}/${id}` : `entry ${place}`;
}

/** Reads a page of a search for resources that fit the schema. Nothing in it is passed over. */
export function readPage<T extends TSchema>(bundle: Static<typeof BundleSchema>, schema: T): Page<Static<T>> {
  const entries = bundle.entry ?? [];
  const searched = schema.properties.resourceType.const;
  const page: Page<Static<T>> = {
    matches: [],
    entriesSeen: entries.length,
    entriesUnderstood: 0,
    unusable: [],
    errorSaid: false,
    complete: true,
    searchHonoured: true,
  };
  function remark(resource: unknown): boolean {
    const outcome = as(OperationOutcomeSchema, resource);
    if (outcome === null) return false;
    const { errorSaid, complete, searchHonoured } = remarksOf(outcome);
    page.errorSaid ||= errorSaid;
    page.complete &&= complete;
    page.searchHonoured &&= searchHonoured;
    return true;
  }

  function understand(raw: unknown): boolean {
    const entry = as(EntrySchema, raw);
    if (entry === null) return false;
    const { resource, search: { mode = 'match' } = {} } = entry;
    if (resource.resourceType === 'OperationOutcome') return remark(resource);
    if (mode === 'outcome') return false;
    const match = as(schema, resource);
    if (match !== null) page.matches.push(match);
    return match !== null || (mode === 'include' && resource.resourceType !== searched);
  }

  // A remark about the whole Bundle that cannot be read may say anything.
  if (bundle.issues !== undefined && !remark(bundle.issues)) page.complete = false;
  for (const [index, raw] of entries.entries()) {
    if (understand(raw)) page.entriesUnderstood += 1;
    else page.unusable.push(nameOf(raw, index + 1));
  }
  return page;
}
