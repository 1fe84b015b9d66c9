import type { FastifyRequest } from 'fastify';
import { DrChronoProblem } from './problem.ts';

export type Query = Record<string, string | string[] | undefined>;

/** The prefix at which pages have `data`, as the vendor's OpenAPI says, instead of `results`, which its clients read. */
export const DATA_PREFIX = '/drchrono-data';

const DEFAULT_SIZE = 100;
/** A larger page size is cut to it without a word. */
const LARGEST_SIZE = 250;

/** The value of a parameter; of one that is given twice, the last, as Django reads it. */
export function lastOf(query: Query, name: string): string | undefined {
  const value = query[name];
  return Array.isArray(value) ? value.at(-1) : value;
}

export function sizeOf(query: Query): number {
  const size = Number(lastOf(query, 'page_size'));
  return Number.isInteger(size) && size > 0 ? Math.min(size, LARGEST_SIZE) : DEFAULT_SIZE;
}

/** Reads a time with or without a zone, or a day. @throws DrChronoProblem when it is none. */
export function timeOf(query: Query, name: string): number | undefined {
  const text = lastOf(query, name);
  if (text === undefined) return undefined;
  const time = Date.parse(/T.*(?:Z|[+-]\d\d:?\d\d)$|^\d{4}-\d\d-\d\d$/.test(text) ? text : `${text}Z`);
  if (Number.isNaN(time)) throw new DrChronoProblem(400, { [name]: ['Enter a valid date/time.'] });
  return time;
}

/** A cursor names the last row of the page before. */
const cursorAfter = (id: number) => Buffer.from(`p=${id}`).toString('base64url');

export function idBefore(query: Query): number {
  const cursor = lastOf(query, 'cursor');
  if (cursor === undefined) return 0;
  const [, id] = /^p=(\d{1,15})$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  if (id === undefined) throw new DrChronoProblem(404, { detail: 'Invalid cursor' });
  return Number(id);
}

/**
 * Builds one page of rows. `next` is a whole URL with a cursor, and with the other parameters of the request.
 *
 * @param rows in ascending order of their ids.
 */
export function pageOf<T extends { id: number }>(
  request: FastifyRequest<{ Querystring: Query }>,
  rows: readonly T[],
): object {
  const after = idBefore(request.query);
  const rest = rows.filter(({ id }) => id > after);
  const page = rest.slice(0, sizeOf(request.query));
  return answerPage(request, { rows: page, more: page.length < rest.length });
}

/** Puts one page into its envelope; `more` is true when rows follow. */
export function answerPage<T extends { id: number }>(
  request: FastifyRequest<{ Querystring: Query }>,
  { rows: page, more }: { rows: readonly T[]; more: boolean },
): object {
  const { query, server } = request;
  const last = page.at(-1);
  let next: string | null = null;
  if (last !== undefined && more) {
    const parameters = new URLSearchParams();
    for (const name of Object.keys(query)) parameters.set(name, lastOf(query, name) ?? '');
    parameters.set('cursor', cursorAfter(last.id));
    const path = request.url.split('?', 1)[0];
    next = `${request.protocol}://${request.host}${path}?${parameters}`;
  }
  return { previous: null, [server.prefix === DATA_PREFIX ? 'data' : 'results']: page, next };
}
