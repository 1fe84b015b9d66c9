import { isDay } from './office-time.ts';
import { badRequest } from './problem.ts';

/** The hard limit of the remote API; the local one has 1,000 (https://www.opendental.com/site/apiimplementation.html). */
const PAGE = 100;

export type Query = Readonly<Record<string, string | string[] | undefined>>;

/** A filter that the API does not know is ignored without a word, so a query is read by name only. */
export function only(query: Query, name: string): string | undefined {
  const value = query[name];
  return Array.isArray(value) ? value[0] : value;
}

/** @throws ApiProblem when the parameter is there and is no whole number. */
export function wholeNumber(query: Query, name: string): number | undefined {
  const text = only(query, name);
  if (text === undefined) return undefined;
  if (!/^\d{1,10}$/.test(text)) throw badRequest(`${name} is invalid.`);
  return Number(text);
}

/** Booleans are text. @throws ApiProblem when the parameter is there and is neither `true` nor `false`. */
export function trueOrFalse(query: Query, name: string): boolean {
  const text = only(query, name) ?? 'false';
  if (text !== 'true' && text !== 'false') throw badRequest(`${name} is invalid.`);
  return text === 'true';
}

/** @throws ApiProblem when the parameter is there and is no day. */
export function day(query: Query, name: string): string | undefined {
  const text = only(query, name);
  if (text !== undefined && !isDay(text)) throw badRequest(`${name} must be in the format yyyy-MM-dd.`);
  return text;
}

/** The place of the page that `Offset` and `Limit` name. A larger limit than the hard one is the hard one. */
export function placeOf(query: Query): { offset: number; limit: number } {
  const offset = wholeNumber(query, 'Offset') ?? 0;
  return { offset, limit: Math.min(wholeNumber(query, 'Limit') ?? PAGE, PAGE) };
}

/** Takes the page that `Offset` and `Limit` name. */
export function pageOf<T>(query: Query, rows: readonly T[]): T[] {
  const { offset, limit } = placeOf(query);
  return rows.slice(offset, offset + limit);
}
