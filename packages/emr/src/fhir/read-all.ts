import { sentence } from '@emr-payments/contracts';
import type { Static, TSchema } from '@sinclair/typebox';
import type { AbsenceEvidence } from '../absence.ts';
import type { Trouble } from '../trouble.ts';
import type { FhirConnection } from './connection.ts';
import { linkOf, pathOfLink } from './links.ts';
import { type Failed, type Freshness, type ReadInput, readResource, requestOf } from './read.ts';
import { readPage } from './read-page.ts';
import { BundleSchema } from './resources.ts';

const MAX_PAGES = 20;

/** By how much an answer calls itself older than our request, in `Date` or in the Bundle. The difference of the clocks is in it. */
function lagOf({ meta }: Static<typeof BundleSchema>, { sentAtMs, dateMs }: Freshness): number {
  const times = [dateMs, Date.parse(meta?.lastUpdated ?? '')].filter((time) => !Number.isNaN(time));
  return sentAtMs - Math.min(sentAtMs, ...times);
}

/** All that a search answer says about itself. `searchHonoured` is what its remarks say; the caller knows what it asked. */
export type SearchFacts = Omit<AbsenceEvidence, 'matches'> & {
  /** The search that the server says it did. */
  selfLink: string | undefined;
  /** By how much the oldest page calls itself older than our request, in ms, by the EMR's clock against ours. */
  lagMs: number;
  /** Names the entries that were not understood. */
  unusable: string[];
};
export type SearchResult<T> =
  | { ok: true; value: T[]; facts: SearchFacts }
  /** `value`: the matches on the pages that were read before. They are there, whatever the rest would have been. */
  | (Failed & { value: T[] });

/** Reads all pages of a search, at most 20. */
export async function readAll<T extends TSchema>(
  connection: Pick<FhirConnection, 'session' | 'secrets'>,
  { path, schema, signal, unshared = false }: Pick<ReadInput<T>, 'path' | 'schema' | 'signal' | 'unshared'>,
): Promise<SearchResult<Static<T>>> {
  let all: Static<T>[] = [];
  const facts: SearchFacts = {
    entriesSeen: 0,
    entriesUnderstood: 0,
    perhapsOurs: 0,
    total: null,
    complete: true,
    errorSaid: false,
    searchHonoured: true,
    servedFromCache: false,
    selfLink: undefined,
    lagMs: 0,
    unusable: [],
  };
  let next: string | null = path;
  for (let number = 0; next !== null; number += 1) {
    // The address of a later page is the server's: it may hold anything.
    const request: string = number === 0 ? requestOf(path) : `${requestOf(path)} (page ${number + 1})`;
    const stopped = (trouble: Trouble) => ({
      ok: false as const,
      trouble,
      refusal: { request, status: null, words: '' },
      value: all,
    });
    if (number === MAX_PAGES)
      return stopped({ code: 'answer_too_large', detail: sentence`The EMR's list is too long.` });
    const result: Awaited<ReturnType<typeof readResource<typeof BundleSchema>>> = await readResource(
      connection,
      { path: next, schema: BundleSchema, signal, request, unshared },
    );
    if (!result.ok) return { ...result, value: all };
    const { value: bundle, freshness } = result;
    const page = readPage(bundle, schema);
    // Not `push(...)`: a page can have more entries than arguments fit on the stack.
    all = all.concat(page.matches);
    facts.entriesSeen += page.entriesSeen;
    facts.entriesUnderstood += page.entriesUnderstood;
    facts.unusable = facts.unusable.concat(page.unusable);
    facts.errorSaid ||= page.errorSaid;
    facts.searchHonoured &&= page.searchHonoured;
    facts.servedFromCache ||= freshness.servedFromCache;
    facts.lagMs = Math.max(facts.lagMs, lagOf(bundle, freshness));
    const total = bundle.total ?? facts.total;
    // The results changed while their pages were read, so an entry may have moved past us.
    facts.complete &&= page.complete && (facts.total === null || facts.total === total);
    facts.total = total;
    if (number === 0) facts.selfLink = linkOf(bundle, 'self')?.url;
    const link = linkOf(bundle, 'next');
    next = link === undefined ? null : pathOfLink(connection.session.baseUrl, { url: link.url, from: next });
    if (link !== undefined && next === null) {
      const detail = sentence`The EMR's link to the next page leads to no page of the same server.`;
      return stopped({ code: 'bad_answer', detail });
    }
  }
  return { ok: true, value: all, facts };
}

/**
 * Reads a list of the practice: trouble when the EMR says that it is not whole, because a name that is missing from it may
 * exist. `unusable` names what cannot be read, and what the EMR counts and does not give.
 */
export async function readList<T extends TSchema>(
  connection: FhirConnection,
  { path, schema, signal, named }: Pick<ReadInput<T>, 'path' | 'schema' | 'signal'> & { named: string },
): Promise<{ ok: true; value: Static<T>[]; unusable: string[] } | Failed> {
  const result = await readAll(connection, { path, schema, signal });
  if (!result.ok) return result;
  const { value, facts } = result;
  if (!facts.complete || facts.errorSaid) {
    return {
      ok: false,
      trouble: { code: 'answer_incomplete', detail: sentence`The EMR says that its list is incomplete.` },
      refusal: { request: requestOf(path), status: null, words: '' },
    };
  }
  const missing = (facts.total ?? 0) - value.length - facts.unusable.length;
  return {
    ok: true,
    value,
    unusable: [
      ...facts.unusable.map((entry) => `${named}: ${entry}`),
      ...(missing > 0 ? [`${named}: ${missing} that the EMR counts and does not give`] : []),
    ],
  };
}
