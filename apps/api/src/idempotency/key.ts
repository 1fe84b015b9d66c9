import { hash } from 'node:crypto';
import { HEADERS } from '@emr-payments/contracts';
import type { FastifyRequest } from 'fastify';
import { isRepeated } from '../errors/hints.ts';

const VISIBLE_ASCII = /^[\x21-\x7e]{1,255}$/;

export type Idempotency =
  | { outcome: 'none' }
  | { outcome: 'key'; key: string; fingerprint: Buffer; respelt?: () => Buffer }
  | { outcome: 'invalid'; field: string; rule: string; hint?: string };

/** Other spellings of the header. The credentials have underscores, so `idempotency_key` is an easy mistake. */
const MISSPELT = ['idempotency_key', 'idempotencykey', 'x-idempotency-key'];

/**
 * Reads the Idempotency-Key of a request, with the fingerprint of the request. Node joins a header that was sent twice
 * with a blank, which no key may contain, so it is refused.
 *
 * @param options.salt a secret of the caller that the database does not have: for bodies with passwords, which could be guessed by a hash
 *   without one.
 */
export function idempotencyOf(
  request: FastifyRequest,
  { salt = '' }: { salt?: string | undefined } = {},
): Idempotency {
  const key = request.headers[HEADERS.idempotencyKey];
  if (key === undefined) {
    const misspelt = MISSPELT.find((name) => request.headers[name] !== undefined);
    // To ignore it would be to create a second payment at the first repeat.
    return misspelt === undefined
      ? { outcome: 'none' }
      : { outcome: 'invalid', field: misspelt, rule: 'the name of the header is Idempotency-Key' };
  }
  if (typeof key !== 'string' || !VISIBLE_ASCII.test(key)) {
    return {
      outcome: 'invalid',
      field: 'Idempotency-Key',
      rule: 'must be 1 to 255 visible ASCII characters',
      ...(isRepeated(key)
        ? { hint: 'The header was sent more than once, or has a comma and a blank in it.' }
        : {}),
    };
  }
  const { method, body } = request;
  const { url, respelt } = spellingsOf(request.url);
  const of = (spelt: string) => fingerprint({ method, url: spelt, body }, salt);
  return {
    outcome: 'key',
    key,
    fingerprint: of(url),
    ...(respelt === undefined ? {} : { respelt: () => of(respelt) }),
  };
}

/**
 * Gives the spelling of a URL that is hashed, and the other one if its query is empty: `/v1/payments?` is `/v1/payments`, and neither
 * may be hashed as the other, because the release before hashes what was sent.
 */
function spellingsOf(url: string): { url: string; respelt?: string } {
  const [path = '', query] = url.split(/\?(.*)/s);
  if (query === undefined) return { url, respelt: `${path}?` };
  return /[^&]/.test(query) ? { url } : { url: `${path}?`, respelt: path };
}

/**
 * Hashes method, path and body (if any) with SHA-256. Bodies that differ only in the order of their keys have the same hash.
 */
export function fingerprint(
  { method, url, body }: { method: string; url: string; body: unknown },
  salt = '',
): Buffer {
  return hash('sha256', `${salt}${method} ${url}\n${JSON.stringify(inOrder(body ?? null))}`, 'buffer');
}

/**
 * Copies a JSON value with its keys sorted. By hand: any other canonical form (RFC 8785) would not match the fingerprints
 * that are stored for seven days.
 */
function inOrder(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(inOrder);
  const parts = value as Record<string, unknown>;
  const ordered: Record<string, unknown> = {};
  for (const key of Object.keys(parts).sort()) ordered[key] = inOrder(parts[key]);
  return ordered;
}
