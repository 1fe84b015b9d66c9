import type { Json } from './ledger.ts';
import { CUT, HTML, issue, type Reply } from './reply.ts';

/** A search by payment id and its honest result. */
export type SearchContext = {
  /** The URL that was asked for. */
  self: string;
  /** The base URL of the practice. */
  baseUrl: string;
  /** The entries with the id that the index has by now: none, one, or more after a double posting. */
  matches: readonly Json[];
  /** Entries of other payments. */
  others: readonly Json[];
  /** Names the payment in a link to a next page. */
  paymentId: string;
  timeoutMs: number;
  /** The request asked for an answer that comes from no cache. */
  noCache: boolean;
};

type SearchShape = (context: SearchContext) => Reply;

const entriesOf = (resources: readonly Json[]) =>
  resources.map((resource) => ({ resource, search: { mode: 'match' } }));
const bundle = (fields: Json): Json => ({ resourceType: 'Bundle', type: 'searchset', ...fields });
const ok = (body: Json | string, headers: Reply['headers'] = {}): Reply => ({ status: 200, headers, body });

const honest = ({ self, matches }: SearchContext): Json =>
  bundle({
    total: matches.length,
    link: [{ relation: 'self', url: self }],
    ...(matches.length === 0 ? {} : { entry: entriesOf(matches) }),
  });
const remark = (severity: string, code: string, text?: string) => ({
  search: { mode: 'outcome' },
  resource: issue(severity, code, text),
});
/** The honest answer with a remark that takes it back in part. */
const qualified = (severity: string, code: string, text?: string): SearchShape => {
  return ({ self, matches }) =>
    ok(
      bundle({
        total: matches.length,
        link: [{ relation: 'self', url: self }],
        entry: [...entriesOf(matches), remark(severity, code, text)],
      }),
    );
};
const pageLink = ({ paymentId }: SearchContext) => `_getpages=${paymentId}&_getpagesoffset=1`;
/** A first page without the entry, which is on the next one. */
const paged =
  (nextOf: (context: SearchContext) => string): SearchShape =>
  (context) =>
    ok(
      bundle({
        link: [
          { relation: 'self', url: context.self },
          { relation: 'next', url: nextOf(context) },
        ],
      }),
    );
const empty = bundle({ total: 0 });

/** Every way in which the foreign EMR answers a search by payment id in a random run. */
export const SEARCH_SHAPES = {
  // Understood whole: what these say is true.
  'an honest Bundle': (context) => ok(honest(context)),
  'no total': ({ self, matches }) =>
    ok(bundle({ link: [{ relation: 'self', url: self }], entry: entriesOf(matches) })),
  'no self link': ({ matches }) => ok(bundle({ total: matches.length, entry: entriesOf(matches) })),
  'a relative self link': (context) =>
    ok({ ...honest(context), link: [{ relation: 'SELF', url: new URL(context.self).search }] }),
  'the wrong content type': (context) => ok(honest(context), { 'content-type': 'text/plain' }),
  'a slow answer': (context) => ({ ...ok(honest(context)), waitMs: context.timeoutMs / 3 }),
  'an informational remark': qualified('information', 'informational', 'served by node 7'),
  'the same entry twice': ({ self, matches }) =>
    ok(
      bundle({
        link: [{ relation: 'self', url: self }],
        entry: entriesOf(matches.flatMap((one) => [one, one])),
      }),
    ),
  'an included resource': ({ self, matches }) =>
    ok(
      bundle({
        link: [{ relation: 'self', url: self }],
        entry: [
          ...entriesOf(matches),
          { search: { mode: 'include' }, resource: { resourceType: 'Location', id: 'loc-1404' } },
        ],
      }),
    ),
  'members that are null': (context) => ok({ ...honest(context), meta: null, timestamp: null }),
  'paged at the base URL': paged((context) => `${context.baseUrl}?${pageLink(context)}`),
  'paged with a relative link': paged((context) => `PaymentReconciliation?${pageLink(context)}`),
  'in gzip': (context) => ({ ...ok(honest(context)), gzip: true }),
  'an old answer, unless asked for a fresh one': (context) => ok(context.noCache ? honest(context) : empty),
  // Not evidence of absence.
  'only an OperationOutcome of severity error': () => ok(issue('error', 'exception')),
  'an error in place of entries': () => ok(bundle({ total: 0, entry: [remark('error', 'exception')] })),
  'incomplete, by its code': () => ok(bundle({ total: 0, entry: [remark('warning', 'incomplete')] })),
  'incomplete, in words': () =>
    ok(bundle({ total: 0, entry: [remark('information', 'informational', 'Results were truncated.')] })),
  'a search parameter left out': () => ok(bundle({ total: 0, entry: [remark('warning', 'not-supported')] })),
  'a total without entries': () => ok(bundle({ total: 1 })),
  'an entry without a resource': () => ok(bundle({ entry: [{ fullUrl: 'urn:x:1' }] })),
  'an entry that is null': () => ok(bundle({ entry: [null] })),
  'an entry without an id': ({ matches, others }) =>
    ok(bundle({ entry: entriesOf([{ ...(matches[0] ?? others[0] ?? {}), id: undefined }]) })),
  'an entry without its identifier': ({ matches, others }) =>
    ok(bundle({ entry: entriesOf([{ ...(matches[0] ?? others[0] ?? {}), identifier: undefined }]) })),
  'the results of another search': ({ baseUrl }) =>
    ok({ ...empty, link: [{ relation: 'self', url: `${baseUrl}/PaymentReconciliation?_count=20` }] }),
  "other payments' entries in place of ours": ({ self, others }) =>
    ok(
      bundle({
        link: [{ relation: 'self', url: self }],
        entry: entriesOf(others.length === 0 ? [{ id: undefined }] : others),
      }),
    ),
  "other payments' entries with ours": ({ self, matches, others }) =>
    ok(bundle({ link: [{ relation: 'self', url: self }], entry: entriesOf([...others, ...matches]) })),
  'an old answer with Age': () => ok(empty, { age: '30' }),
  'an old answer of a proxy': () => ok(empty, { 'x-cache': 'HIT from edge' }),
  'an old answer with meta.lastUpdated': () =>
    ok({ ...empty, meta: { lastUpdated: new Date(Date.now() - 60_000).toISOString() } }),
  'a Bundle of another type': () => ok({ resourceType: 'Bundle', type: 'history', total: 0 }),
  'a page of HTML': () => HTML,
  'a byte order mark first': (context) => ok(`\u{feff}${JSON.stringify(honest(context))}`),
  'an empty body': () => ok(''),
  'an entry that is no list': () => ok({ ...empty, entry: {} }),
  // A parser keeps one of the two lists.
  'a member that comes twice': ({ matches }) =>
    ok(
      `{"resourceType":"Bundle","type":"searchset","total":0,"entry":${JSON.stringify(entriesOf(matches))},"entry":[]}`,
    ),
  'half a JSON': (context) => ok(JSON.stringify(honest(context)).slice(0, 40)),
  'a body broken off': (context) => ({ ...ok(honest(context)), end: 'broken' }),
  'connection cut': () => CUT,
  'an answer after the time limit': (context) => ({ ...ok(empty), waitMs: context.timeoutMs + 300 }),
  '500': () => ({ status: 500, body: issue('fatal', 'exception') }),
  '503 with Retry-After': () => ({ status: 503, headers: { 'retry-after': '1' }, body: '' }),
  '429': () => ({ status: 429, headers: { 'retry-after': '1' }, body: '' }),
  '404': () => ({ status: 404, body: issue('error', 'not-found') }),
  '206, a part': () => ({ ...ok(empty), status: 206 }),
  'a redirect': () => ({ status: 302, headers: { location: '/login' }, body: '' }),
} as const satisfies Record<string, SearchShape>;

export type SearchShapeName = keyof typeof SEARCH_SHAPES;

export const searchReply = (name: SearchShapeName, context: SearchContext): Reply =>
  SEARCH_SHAPES[name](context);

/** The page to which `paged at the base URL` and `paged with a relative link` lead. */
export function secondPage({ matches, self }: Pick<SearchContext, 'matches' | 'self'>): Reply {
  return ok(bundle({ link: [{ relation: 'self', url: self }], entry: entriesOf(matches) }));
}

/** Ways to answer the read of one entry. */
export const READ_SHAPES = {
  'the entry': (resource) => ok(resource),
  'in gzip': (resource) => ({ ...ok(resource), gzip: true }),
  '500': () => ({ status: 500, body: issue('fatal', 'exception') }),
  'connection cut': () => CUT,
  'half a JSON': (resource) => ok(JSON.stringify(resource).slice(0, 40)),
  'an error OperationOutcome': () => ok(issue('error', 'exception')),
} as const satisfies Record<string, (resource: Json) => Reply>;

export type ReadShapeName = keyof typeof READ_SHAPES;
