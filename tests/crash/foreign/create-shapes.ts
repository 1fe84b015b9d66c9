import type { Json } from './ledger.ts';
import { CUT, HTML, issue, type Reply } from './reply.ts';

/** The entry that a create made or found, for the shapes that name it. */
export type CreateContext = {
  id: string;
  resource: Json;
  /** The base URL of the practice, such as `http://127.0.0.1:1234/lookup/fhir`. */
  baseUrl: string;
  /** 201, or 200 where a conditional create found it. */
  status: 200 | 201;
  /** The client's time limit for one exchange, in ms. */
  timeoutMs: number;
};

/**
 * One way to answer a create. `now`: the entry is written before the answer. `later`: it is written after it. `never`: nothing
 * is written. `takenOnly`: the answer says that the request was taken, and proves no entry.
 */
export type CreateShape = {
  writes: 'now' | 'later' | 'never';
  takenOnly?: boolean;
  /** The EMR writes another amount than it was sent. Only directed schedules do that. */
  alters?: boolean;
  answer(context: CreateContext): Reply;
};

const path = ({ id }: CreateContext) => `PaymentReconciliation/${encodeURIComponent(id)}`;
const named = (context: CreateContext): Reply => ({
  status: context.status,
  headers: { location: `${context.baseUrl}/${path(context)}/_history/1` },
  body: '',
});
const located = (locationOf: (context: CreateContext) => string) => ({
  writes: 'now' as const,
  answer: (context: CreateContext): Reply => ({
    ...named(context),
    headers: { location: locationOf(context) },
  }),
});
const lost = (reply: Reply): CreateShape => ({ writes: 'now', answer: () => reply });
const nothing = (reply: Reply): CreateShape => ({ writes: 'never', answer: () => reply });
const taken = (writes: CreateShape['writes'], reply: Reply): CreateShape => ({
  writes,
  takenOnly: true,
  answer: () => reply,
});

/** Every way in which the foreign EMR answers a create in a random run. */
export const CREATE_SHAPES = {
  'Location, absolute with _history': { writes: 'now', answer: named },
  'Location, absolute': located((context) => `${context.baseUrl}/${path(context)}`),
  'Location, relative': located(path),
  'Location, path only': located((context) => `${new URL(context.baseUrl).pathname}/${path(context)}`),
  'Location with a query': located((context) => `${context.baseUrl}/${path(context)}?_format=json#top`),
  'Content-Location only': {
    writes: 'now',
    answer: (context) => ({ ...named(context), headers: { 'content-location': path(context) } }),
  },
  'the entry as the body, no Location': {
    writes: 'now',
    answer: ({ status, resource }) => ({ status, body: resource }),
  },
  '200 for a new entry': { writes: 'now', answer: (context) => ({ ...named(context), status: 200 }) },
  '201 and an error OperationOutcome as the body': {
    writes: 'now',
    answer: (context) => ({ ...named(context), body: issue('error', 'exception') }),
  },
  '201 and a warning as the body': {
    writes: 'now',
    answer: (context) => ({ ...named(context), body: issue('warning', 'business-rule') }),
  },
  'the wrong content type': {
    writes: 'now',
    answer: (context) => {
      const { location = '' } = named(context).headers ?? {};
      return { ...named(context), headers: { location, 'content-type': 'text/plain' } };
    },
  },
  'a body in gzip': {
    writes: 'now',
    answer: (context) => ({ ...named(context), body: context.resource, gzip: true }),
  },
  'a body broken off': {
    writes: 'now',
    answer: (context) => ({ ...named(context), body: context.resource, end: 'broken' }),
  },
  'a body that is half a JSON': {
    writes: 'now',
    answer: (context) => ({ ...named(context), body: JSON.stringify(context.resource).slice(0, 60) }),
  },
  'a slow answer': {
    writes: 'now',
    answer: (context) => ({ ...named(context), waitMs: context.timeoutMs / 3 }),
  },
  'an answer after the time limit': {
    writes: 'now',
    answer: (context) => ({ ...named(context), waitMs: context.timeoutMs + 300 }),
  },
  '201 that names nothing': taken('now', { status: 201, body: '' }),
  '201 that names nothing and an error as the body': taken('now', {
    status: 201,
    body: issue('error', 'exception'),
  }),
  '202, written at once': taken('now', { status: 202, body: '' }),
  '202, written later': taken('later', { status: 202, body: issue('information', 'informational') }),
  '202, and never written': taken('never', { status: 202, body: '' }),
  '202 that names the entry, written later': {
    writes: 'later',
    takenOnly: true,
    answer: (context) => ({ ...named(context), status: 202 }),
  },
  'written, then the connection is cut': lost(CUT),
  'written, then 500': lost({ status: 500, body: issue('fatal', 'exception') }),
  'written, then 503 with Retry-After': lost({ status: 503, headers: { 'retry-after': '1' }, body: '' }),
  'written, then 504 of a gateway': lost({ ...HTML, status: 504 }),
  'written, then 200 with a Bundle': taken('now', {
    status: 200,
    body: { resourceType: 'Bundle', type: 'history' },
  }),
  'written, then 409': lost({ status: 409, body: issue('error', 'conflict') }),
  'written, then 408': lost({ status: 408, body: '' }),
  'written, then a redirect': lost({ status: 302, headers: { location: '/login' }, body: '' }),
  'written, then a page of HTML': taken('now', HTML),
  'not written, connection cut': nothing(CUT),
  'not written, 500': nothing({ status: 500, body: issue('fatal', 'exception') }),
  'not written, 429': nothing({ status: 429, headers: { 'retry-after': '1' }, body: '' }),
  'not written, 409': nothing({ status: 409, body: issue('error', 'lock-error') }),
} as const satisfies Record<string, CreateShape>;

/** Ways to answer that only directed schedules use: they do harm on purpose, or fit one schedule. */
export const DIRECTED_CREATE_SHAPES = {
  'written with another amount': { writes: 'now', alters: true, answer: named },
  'written with another amount, then the connection is cut': {
    writes: 'now',
    alters: true,
    answer: () => CUT,
  },
  'refused as not valid': nothing({ status: 422, body: issue('error', 'business-rule') }),
} as const satisfies Record<string, CreateShape>;

export type CreateShapeName = keyof typeof CREATE_SHAPES | keyof typeof DIRECTED_CREATE_SHAPES;

export const createShape = (name: CreateShapeName): CreateShape =>
  ({ ...CREATE_SHAPES, ...DIRECTED_CREATE_SHAPES })[name];
