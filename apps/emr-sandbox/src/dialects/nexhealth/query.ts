import type { FastifyRequest } from 'fastify';
import type { Location, Practice } from '../../practice.ts';
import { NexProblem, success } from './envelope.ts';

export type Query = Record<string, string | string[] | undefined>;

/** The practice is one institution with this name in `subdomain`. */
export const SUBDOMAIN = 'demo-practice';
export const INSTITUTION_ID = 1;

/** Per page, unless `per_page` says otherwise; the vendor's own document gives this default. */
const PER_PAGE = 5;
const MOST_PER_PAGE = 1000;
const PAGING = ['start_cursor', 'end_cursor', 'per_page'];

export function only(query: Query, name: string): string | undefined {
  const value = query[name];
  if (Array.isArray(value)) throw new NexProblem(400, `${name} may be given once.`);
  return value;
}

export function integer(query: Query, name: string): number | undefined {
  const text = only(query, name);
  if (text === undefined) return undefined;
  if (!/^\d{1,10}$/.test(text)) throw new NexProblem(400, `${name} is invalid`);
  return Number(text);
}

export function flag(query: Query, name: string): boolean | undefined {
  const text = only(query, name);
  if (text === undefined) return undefined;
  if (text !== 'true' && text !== 'false') throw new NexProblem(400, `${name} is invalid`);
  return text === 'true';
}

export function instant(query: Query, name: string): number | undefined {
  const text = only(query, name);
  if (text === undefined) return undefined;
  const at = Date.parse(text);
  if (Number.isNaN(at)) throw new NexProblem(400, `${name} is invalid`);
  return at;
}

/** Checks the institution and finds the place that the caller names. Both are required by every call for one place. */
export function locationOf(practice: Practice, query: Query): { location: Location; number: number } {
  const subdomain = only(query, 'subdomain');
  if (!subdomain) throw new NexProblem(400, 'subdomain is missing');
  const number = integer(query, 'location_id');
  if (number === undefined) throw new NexProblem(400, 'location_id is missing');
  const location = subdomain === SUBDOMAIN ? practice.locations.byNumber(number) : undefined;
  if (location === undefined) throw new NexProblem(403, "You don't have access to perform this action.");
  return { location, number };
}

/** One sentence for each parameter that is not known. The vendor ignores them, and says so beside its answer. */
export function ignoredParameters(query: Query, known: readonly string[]): string[] {
  return Object.keys(query)
    .filter((name) => ![...known, ...PAGING].includes(name))
    .map((name) => `Unknown parameter: ${name}`);
}

const cursorOf = (index: number) => Buffer.from(`row:${index}`).toString('base64url');

function indexOf(query: Query, name: string): number | undefined {
  const text = only(query, name);
  if (text === undefined || text === '') return undefined;
  const [, digits] = /^row:(\d{1,9})$/.exec(Buffer.from(text, 'base64url').toString()) ?? [];
  if (digits === undefined) throw new NexProblem(400, `${name} is invalid`);
  return Number(digits);
}

/** The page size of a query. @throws NexProblem for one that is too large. */
export function perPageOf(query: Query): number {
  const perPage = integer(query, 'per_page') ?? PER_PAGE;
  if (perPage < 1 || perPage > MOST_PER_PAGE) throw new NexProblem(400, 'per_page is invalid');
  return perPage;
}

/**
 * Answers with one page. `end_cursor` asks for what follows the record it names, `start_cursor` for what precedes it
 * (https://docs.nexhealth.com/reference/pagination).
 */
export function page<T>(
  { query }: Pick<FastifyRequest<{ Querystring: Query }>, 'query'>,
  { rows, known, show }: { rows: readonly T[]; known: readonly string[]; show: (row: T) => object },
) {
  const perPage = perPageOf(query);
  const after = indexOf(query, 'end_cursor');
  const before = indexOf(query, 'start_cursor');
  if (after !== undefined && before !== undefined) {
    throw new NexProblem(400, 'start_cursor and end_cursor exclude each other');
  }
  const to = before ?? Math.min(rows.length, (after ?? -1) + 1 + perPage);
  const from = before === undefined ? (after ?? -1) + 1 : Math.max(0, before - perPage);
  const shown = rows.slice(from, to);
  return {
    ...success(shown.map(show), ignoredParameters(query, known)),
    page_info: {
      has_previous_page: from > 0,
      has_next_page: to < rows.length,
      start_cursor: shown.length === 0 ? null : cursorOf(from),
      end_cursor: shown.length === 0 ? null : cursorOf(from + shown.length - 1),
    },
  };
}
