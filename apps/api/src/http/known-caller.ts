import { HEADERS } from '@emr-payments/contracts';
import type { KnownCaller } from '@emr-payments/db';
import type { FastifyRequest } from 'fastify';
import { sourceOf } from './source.ts';

/** Names the caller of a request whose credentials were accepted; null for any other. */
export function knownCallerOf(request: FastifyRequest): KnownCaller | null {
  const { caller, clientCaller } = request;
  if (caller === null && clientCaller === null) return null;
  return {
    clientId: clientCaller?.clientId ?? String(request.headers[HEADERS.clientId]),
    user: caller?.userPublicId ?? null,
    source: sourceOf(request),
  };
}
