import { sentence, wordIn } from '@emr-payments/contracts';
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
/** The resources that a sentence names. */
const RESOURCES = ['Bundle', 'CapabilityStatement', 'PaymentReconciliation', 'ValueSet'] as const;

export type Failed = { ok: false; status: number | null; trouble: Trouble };
export type ReadResult<T> = { ok: true; value: T } | Failed;

/** When we asked, and what the answer's headers say about when it was made. */
type Freshness = { servedFromCache: boolean; sentAtMs: number; dateMs: number };

/** Reads one resource and checks it against the schema. `path` is relative to the base URL and includes the query. */
export async function readResource<T extends TSchema>(
  { baseUrl, headers, settings }: FhirConnection,
  { path, schema, signal }: { path: string; schema: T; signal: AbortSignal },
): Promise<{ ok: true; value: Static<T>; freshness: Freshness } | Failed> {
  const sentAtMs = Date.now();
  const result = await exchange({
    method: 'GET',
    url: urlOf(baseUrl, path),
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
    const detail = sentence`The EMR answered a read with HTTP ${result.status}.`;
    return { ok: false, status: result.status, trouble: { code: 'unexpected_status', detail } };
  }
  const value = parseAs(schema, result.body);
  if (value !== null) {
    const freshness = {
      servedFromCache: servedFromCache(result.headers),
      sentAtMs,
      dateMs: Date.parse(result.headers.date ?? ''),
    };
    return { ok: true, value, freshness };
  }
  const wanted = wordIn(RESOURCES, schema.properties?.resourceType?.const) ?? sentence`resource`;
  const detail = sentence`The EMR's answer is not the ${wanted} that was requested.`;
  return { ok: false, status: result.status, trouble: { code: 'bad_answer', detail } };
}

/** By how much an answer calls itself older than our request, in `Date` or in the Bundle. The difference of the clocks is in it. */
function lagOf({ meta }: Static<typeof BundleSchema>, { sentAtMs, dateMs }: Freshness): number {
  const times = [dateMs, Date.parse(meta?.lastUpdated ?? '')].filter((time) => !Number.isNaN(time));
  return sentAtMs - Math.min(sentAtMs, ...times);
}

/** A path below the base URL, or a query of the base URL itself: so HAPI gives its next pages. */
const urlOf = (baseUrl: string, path: string) => `${baseUrl}${path.startsWith('?') ? '' : '/'}${path}`;

/**
 * Reads the path of the page to which a link on the page at `from` leads.
 *
 * @returns null when the link is no URL, or does not stay below the base URL: our token must go nowhere else.
 */
function pathOfLink(
  baseUrl: string,
  { url, from }: { url: string | undefined; from: string },
): string | null {
  const base = urlOf(baseUrl, from);
  if (url === undefined || !URL.canParse(url, base)) return null;
  const { href } = new URL(url, base);
  if (href.startsWith(`${baseUrl}/`)) return href.slice(baseUrl.length + 1);
  return href.startsWith(`${baseUrl}?`) ? href.slice(baseUrl.length) : null;
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
export type SearchResult<T> = { ok: true; value: T[]; facts: SearchFacts } | Failed;

/** The names of link relations are the same in capitals (RFC 8288, section 2.1.1). */
const linkOf = ({ link }: Static<typeof BundleSchema>, wanted: string) =>
  link?.find(({ relation }) => relation.trim().toLowerCase() === wanted);

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
    lagMs: 0,
    unusable: [],
  };
  let next: string | null = path;
  for (let number = 0; next !== null; number += 1) {
    if (number === MAX_PAGES) {
      const detail = sentence`The EMR's list is too long.`;
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
    facts.servedFromCache ||= freshness.servedFromCache;
    facts.lagMs = Math.max(facts.lagMs, lagOf(bundle, freshness));
    const total = bundle.total ?? facts.total;
    // The results changed while their pages were read, so an entry may have moved past us.
    facts.complete &&= page.complete && (facts.total === null || facts.total === total);
    facts.total = total;
    if (number === 0) facts.selfLink = linkOf(bundle, 'self')?.url;
    const link = linkOf(bundle, 'next');
    next = link === undefined ? null : pathOfLink(connection.baseUrl, { url: link.url, from: next });
    if (link !== undefined && next === null) {
      const detail = sentence`The EMR's link to the next page leads to no page of the same server.`;
      return { ok: false, status: null, trouble: { code: 'bad_answer', detail } };
    }
  }
  return { ok: true, value: all, facts };
}
