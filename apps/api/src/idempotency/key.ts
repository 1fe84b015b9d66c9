import { hash } from 'node:crypto';
import { HEADERS } from '@emr-payments/contracts';
import type { FastifyRequest } from 'fastify';

const VISIBLE_ASCII = /^[\x21-\x7e]{1,255}$/;

export type Idempotency =
  | { outcome: 'none' }
  | { outcome: 'key'; key: string; fingerprint: Buffer }
  | { outcome: 'invalid'; field: string; rule: string };

/**
 * The caller's Idempotency-Key with the fingerprint of what it asked for. A header that was sent twice reaches us
 * joined with a blank, which no key may have, so it is refused.
 */
export function idempotencyOf(request: FastifyRequest): Idempotency {
  const key = request.headers[HEADERS.idempotencyKey];
  if (key === undefined) return { outcome: 'none' };
  if (typeof key !== 'string' || !VISIBLE_ASCII.test(key)) {
    return {
      outcome: 'invalid',
      field: 'Idempotency-Key',
      rule: 'must be 1 to 255 visible ASCII characters',
    };
  }
  return { outcome: 'key', key, fingerprint: fingerprint(request) };
}

/** SHA-256 of method, path and body, where there is one. Two bodies that differ only in the order of their keys are the same. */
export function fingerprint({ method, url, body }: { method: string; url: string; body: unknown }): Buffer {
  return hash('sha256', `${method} ${url}\n${JSON.stringify(inOrder(body ?? null))}`, 'buffer');
}

/** The same JSON value, its keys in their order. */
function inOrder(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(inOrder);
  const parts = value as Record<string, unknown>;
  const ordered: Record<string, unknown> = {};
  for (const key of Object.keys(parts).sort()) ordered[key] = inOrder(parts[key]);
  return ordered;
}
