import type { FastifyRequest } from 'fastify';
import { AthenaError } from './athena-error.ts';

/** "default 1500, max 5000" (the parameter texts of `GET /departments`). */
const DEFAULT_LIMIT = 1500;
const MAX_LIMIT = 5000;

export type Query = Record<string, string | string[] | undefined>;

function wholeNumber(query: Query, name: string): number | undefined {
  const value = query[name];
  if (value === undefined) return undefined;
  if (typeof value !== 'string' || !/^\d{1,9}$/.test(value)) {
    throw new AthenaError(400, 'The data provided is invalid.', `${name} must be a whole number.`);
  }
  return Number(value);
}

/** Rows that a page is taken of. */
export type Rows = { total: number; slice(offset: number, limit: number): readonly object[] };

/** One page, with links to those around it where there are any. */
export function page(
  request: FastifyRequest<{ Querystring: Query }>,
  name: string,
  rows: Rows | readonly object[],
): object {
  const { total, slice }: Rows = Array.isArray(rows)
    ? { total: rows.length, slice: (from, limit) => rows.slice(from, from + limit) }
    : (rows as Rows);
  const limit = wholeNumber(request.query, 'limit') ?? DEFAULT_LIMIT;
  const offset = wholeNumber(request.query, 'offset') ?? 0;
  if (limit < 1 || limit > MAX_LIMIT) {
    throw new AthenaError(400, 'The data provided is invalid.', `limit must be from 1 to ${MAX_LIMIT}.`);
  }
  const path = request.url.split('?', 1)[0]?.slice(request.server.prefix.length);
  const asked = Object.entries(request.query)
    .filter(([key]) => key !== 'limit' && key !== 'offset')
    .map(([key, value]) => `${key}=${encodeURIComponent(String(value))}&`)
    .join('');
  const link = (from: number) => `${path}?${asked}limit=${limit}&offset=${from}`;
  return {
    [name]: slice(offset, limit),
    totalcount: total,
    ...(offset + limit < total ? { next: link(offset + limit) } : {}),
    ...(offset > 0 ? { previous: link(Math.max(0, offset - limit)) } : {}),
  };
}
