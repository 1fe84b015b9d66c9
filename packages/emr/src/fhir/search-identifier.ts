import { randomInt, randomUUID } from 'node:crypto';
import type { Static, TSchema } from '@sinclair/typebox';
import type { AbsenceEvidence } from '../absence.ts';
import type { CallOptions } from '../calls.ts';
import type { FhirConnection } from './connection.ts';
import { readAll, type SearchFacts, type SearchResult } from './read-all.ts';
import { filtersIn } from './self-link.ts';

/** Clocks, and the whole seconds of `Date`, differ by some seconds: only more than this makes an answer suspect. */
const CLOCKS_MS = 5000;
/** The largest page that we request where the server names no limit. */
export const LARGEST_PAGE = 150;

type Server = Pick<FhirConnection, 'session' | 'secrets'>;

export type IdentifierSearch<T extends TSchema> = {
  type: string;
  schema: T;
  system: string;
  value: string;
  largestPage?: number;
};

/** Characters that have a meaning in the value of a parameter (https://hl7.org/fhir/R5/search.html#escaping). */
const escaped = (text: string) => text.replace(/[\\$,|]/g, '\\$&');
const tokenOf = ({ system, value }: { system: string; value: string }) =>
  `${escaped(system)}|${escaped(value)}`;

/**
 * Searches for the resources with an identifier, with a page size drawn by lot: a cache that keeps answers by URL, obeys no header and
 * sends none rarely has one for it. The size has no effect on which entries are found. On connections of its own, because an empty
 * answer to an earlier request would be believed.
 */
export function searchIdentifier<T extends TSchema>(
  server: Server,
  { type, schema, largestPage = LARGEST_PAGE, ...identifier }: IdentifierSearch<T>,
  { signal }: CallOptions,
): Promise<SearchResult<Static<T>>> {
  const query = new URLSearchParams({
    identifier: tokenOf(identifier),
    _count: String(randomInt(Math.floor(largestPage / 3), largestPage)),
  });
  return readAll(server, { path: `${type}?${query}`, schema, signal, unshared: true });
}

/**
 * True unless the server says that it did another search: without our identifier, or with a filter that we did not ask for. A server
 * without a self link proves nothing by that.
 */
function didOurSearch(
  { selfLink }: SearchFacts,
  { baseUrl, ...identifier }: { baseUrl: string; system: string; value: string },
): boolean {
  const filters = filtersIn(selfLink, { baseUrl });
  if (filters === undefined) return true;
  const [[name, value] = ['', '']] = filters ?? [];
  const { system, value: ours } = identifier;
  // Without a system, the id is searched in all of them. With an empty one (`|id`), it is searched in none of ours.
  const same = [tokenOf(identifier), `${system}|${ours}`, escaped(ours), ours];
  const plus = (text: string) => text.replaceAll(' ', '+');
  return filters?.length === 1 && name === 'identifier' && same.map(plus).includes(plus(value));
}

/**
 * Decides whether an answer that calls itself older than our request is old, or the EMR's clock is slow: the answer to a
 * search that was never made before is in no cache, and shows the clock.
 */
async function isOld<T extends TSchema>(
  server: Server,
  { search, lagMs }: { search: IdentifierSearch<T>; lagMs: number },
  options: CallOptions,
): Promise<boolean> {
  if (lagMs <= CLOCKS_MS) return false;
  const started = performance.now();
  const never = { ...search, value: randomUUID().replaceAll('-', '') };
  const fresh = await searchIdentifier(server, never, options);
  return !fresh.ok || lagMs > fresh.facts.lagMs + (performance.now() - started) + CLOCKS_MS;
}

/**
 * Makes the evidence of a search that was read to its end.
 *
 * @param input.matches the resources that it gave. @param input.honoured false when one of them cannot be an answer to our search.
 */
export async function evidenceOf<T extends TSchema>(
  server: Server,
  {
    search,
    facts,
    matches,
    honoured,
  }: { search: IdentifierSearch<T>; facts: SearchFacts; matches: number; honoured: boolean },
  options: CallOptions,
): Promise<AbsenceEvidence> {
  const { baseUrl } = server.session;
  const { system, value } = search;
  return {
    ...facts,
    matches,
    searchHonoured: facts.searchHonoured && honoured && didOurSearch(facts, { baseUrl, system, value }),
    servedFromCache: facts.servedFromCache || (await isOld(server, { search, lagMs: facts.lagMs }, options)),
  };
}
