import type { Static, TSchema } from '@sinclair/typebox';
import type { AbsenceEvidence } from '../../absence.ts';
import type { Trouble } from '../../adapter.ts';
import { servedFromCache } from '../../http/cached-answer.ts';
import { describeNoAnswer, judgeStatus } from '../../http/evidence.ts';
import { exchange } from '../../http/exchange.ts';
import { readPage } from './read-page.ts';
import { BundleSchema, parseAs } from './resources.ts';
import type { FhirConnection } from './settings.ts';

/** A practice's lists are small: an answer larger than this is not one of them. */
const MAX_ANSWER_BYTES = 2 * 1024 * 1024;
const MAX_PAGES = 20;
/** The clocks of a server and of what sets its `Date` differ by some seconds at most. */
const SERVER_CLOCKS_MS = 5000;

export type Failed = { ok: false; status: number | null; trouble: Trouble };
export type ReadResult<T> = { ok: true; value: T } | Failed;

/** When an answer was made, as far as its headers say. */
type Freshness = { servedFromCache: boolean; dateMs: number; tookMs: number };

/** Reads one resource and checks it against the schema. `path` is relative to the base URL and includes the query. */
export async function readResource<T extends TSchema>(
  { baseUrl, headers, settings }: FhirConnection,
  { path, schema, signal }: { path: string; schema: T; signal: AbortSignal },
): Promise<{ ok: true; value: Static<T>; freshness: Freshness } | Failed> {
  const sentAtMs = Date.now();
  const started = performance.now();
  const result = await exchange({
    method: 'GET',
    url: `${baseUrl}/${path}`,
    // `handling=strict` makes the server refuse a search parameter that it does not know; ignoring it would give the wrong
    // resources. `no-cache` is for caches on the way, and for servers that reuse the results of a search.
    headers: { ...headers, prefer: 'handling=strict', 'cache-control': 'no-cache' },
    signal,
    timeoutMs: settings.timeout_ms,
    maxAnswerBytes: MAX_ANSWER_BYTES,
  });
  if (result.kind === 'no_answer') return { ok: false, status: null, trouble: describeNoAnswer(result) };
  const { verdict, trouble } = judgeStatus(result);
  if (verdict !== 'accepted') return { ok: false, status: result.status, trouble };
  // 203 is changed by a proxy, 206 is a part: no other 2xx is an answer to a read.
  if (result.status !== 200) {
    const detail = `The EMR answered a read with HTTP ${result.status}.`;
    return { ok: false, status: result.status, trouble: { code: 'unexpected_status', detail } };
  }
  const value = parseAs(schema, result.body);
  if (value !== null) {
    const freshness = {
      servedFromCache: servedFromCache(result.headers, sentAtMs),
      dateMs: Date.parse(result.headers.date ?? ''),
      tookMs: performance.now() - started,
    };
    return { ok: true, value, freshness };
  }
  const detail = `The EMR's answer is not the ${schema.properties?.resourceType?.const ?? 'resource'} that was requested.`;
  return { ok: false, status: result.status, trouble: { code: 'bad_answer', detail } };
}

/** True when a Bundle says that it is of before our request. Both times are the server's, so no clock of ours matters. */
function isOld({ meta }: Static<typeof BundleSchema>, { dateMs, tookMs }: Freshness): boolean {
  return Date.parse(meta?.lastUpdated ?? '') < dateMs - tookMs - SERVER_CLOCKS_MS;
}

/** The path of a `next` page; null when it is not below the base URL, because our token must go nowhere else. */
function pathBelow(baseUrl: string, link: string): string | null {
  const url = new URL(link, `${baseUrl}/`).href;
  return url.startsWith(`${baseUrl}/`) ? url.slice(baseUrl.length + 1) : null;
}

/** All that a search answer says about itself. `searchHonoured` is what its remarks say; the caller knows what it asked. */
export type SearchFacts = Omit<AbsenceEvidence, 'matches'> & {
  /** The search that the server says it did. */
  selfLink: string | undefined;
  /** Names the entries that were not understood. */
  unusable: string[];
};
export type SearchResult<T> = { ok: true; value: T[]; facts: SearchFacts } | Failed;

const linkOf = ({ link }: Static<typeof BundleSchema>, wanted: string): string | undefined =>
  link?.find(({ relation }) => relation === wanted)?.url;

/** Reads all pages of a search, at most 20. */
export async function readAll<T extends TSchema>(
  connection: FhirConnection,
  { path, schema, signal }: { path: string; schema: T; signal: AbortSignal },
): Promise<SearchResult<Static<T>>> {
  const all: Static<T>[] = [];
  const facts: SearchFacts = {
    entriesSeen: 0,
    entriesUnderstood: 0,
    total: null,
    complete: true,
    errorSaid: false,
    searchHonoured: true,
    servedFromCache: false,
    selfLink: undefined,
    unusable: [],
  };
  let next: string | null = path;
  for (let number = 0; next !== null; number += 1) {
    if (number === MAX_PAGES) {
      const detail = "The EMR's list is too long.";
      return { ok: false, status: null, trouble: { code: 'answer_too_large', detail } };
    }
    const result: Awaited<ReturnType<typeof readResource<typeof BundleSchema>>> = await readResource(
      connection,
      { path: next, schema: BundleSchema, signal },
    );
    if (!result.ok) return result;
    const { value: bundle, freshness } = result;
    const page = readPage(bundle, schema);
    all.push(...page.matches);
    facts.entriesSeen += page.entriesSeen;
    facts.entriesUnderstood += page.entriesUnderstood;
    facts.unusable.push(...page.unusable);
    facts.errorSaid ||= page.errorSaid;
    facts.searchHonoured &&= page.searchHonoured;
    facts.servedFromCache ||= freshness.servedFromCache || isOld(bundle, freshness);
    const total = bundle.total ?? facts.total;
    // The results changed while their pages were read, so an entry may have moved past us.
    facts.complete &&= page.complete && (facts.total === null || facts.total === total);
    facts.total = total;
    if (number === 0) facts.selfLink = linkOf(bundle, 'self');
    const link = linkOf(bundle, 'next');
    next = link === undefined ? null : pathBelow(connection.baseUrl, link);
    if (link !== undefined && next === null) {
      const detail = 'The EMR leads to another server for the next page.';
      return { ok: false, status: null, trouble: { code: 'bad_answer', detail } };
    }
  }
  return { ok: true, value: all, facts };
}
