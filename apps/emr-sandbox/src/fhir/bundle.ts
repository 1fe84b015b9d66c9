import { clip } from '@emr-payments/runtime';
import type { FastifyRequest } from 'fastify';
import { FhirProblem } from './operation-outcome.ts';

export type Query = Record<string, string | string[] | undefined>;

/** The base URL as the caller sees it, with the prefix that it used, such as `http://host/fhir`. */
export function baseUrl(request: FastifyRequest): string {
  return `${request.protocol}://${request.host}${request.server.prefix}`;
}

/** Reads a search parameter that has one value. @throws FhirProblem when it is given twice. */
export function only(query: Query, name: string): string | undefined {
  const value = query[name];
  if (Array.isArray(value)) throw new FhirProblem(400, 'value', `The parameter ${name} may be given once.`);
  return value;
}

/** Refuses unknown parameters: ignoring one would answer a different question than the caller asked. */
export function refuseUnknown(query: Query, known: readonly string[]): void {
  const unknown = Object.keys(query).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new FhirProblem(
      400,
      'not-supported',
      `The search parameter ${clip(unknown, 40)} is not supported.`,
    );
  }
}

function wholeNumber(query: Query, name: string, otherwise: number): number {
  const text = only(query, name);
  if (text === undefined) return otherwise;
  if (!/^\d{1,9}$/.test(text)) throw new FhirProblem(400, 'value', `${name} must be a whole number.`);
  return Number(text);
}

/**
 * Builds one page of a searchset. `_count` (at most 500) and `_offset` choose it; the link `next` leads to the one after.
 *
 * @param found every match; `json` is called only for those on the page.
 */
export function searchset<T extends { id: string }>(
  request: FastifyRequest<{ Querystring: Query }>,
  { type, found, json }: { type: string; found: readonly T[]; json: (match: T) => string },
): string {
  const count = Math.min(wholeNumber(request.query, '_count', 50), 500);
  const offset = wholeNumber(request.query, '_offset', 0);
  const base = baseUrl(request);
  const link = [{ relation: 'self', url: `${request.protocol}://${request.host}${request.url}` }];
  if (count > 0 && offset + count < found.length) {
    const next = new URLSearchParams();
    for (const name of Object.keys(request.query)) next.set(name, only(request.query, name) ?? '');
    next.set('_count', String(count));
    next.set('_offset', String(offset + count));
    link.push({ relation: 'next', url: `${base}/${type}?${next}` });
  }
  const entries = found
    .slice(offset, offset + count)
    .map((match) => `{"fullUrl":${JSON.stringify(`${base}/${type}/${match.id}`)},"resource":${json(match)}}`);
  const head = JSON.stringify({ resourceType: 'Bundle', type: 'searchset', total: found.length, link });
  // A Bundle's entry may not be an empty array.
  return entries.length === 0 ? head : `${head.slice(0, -1)},"entry":[${entries.join(',')}]}`;
}
