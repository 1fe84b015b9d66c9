import { ERRORS, type ErrorCode, type ErrorDetails, errorReply, HEADERS } from '@emr-payments/contracts';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** `Retry-After` in seconds: about the time of a Postgres restart, and of a request in flight. A header that is set stays. */
const RETRY_AFTER: Partial<Record<ErrorCode, string>> = {
  service_unavailable: '2',
  idempotency_key_in_flight: '1',
  rate_limited: '1',
};

declare module 'fastify' {
  interface FastifyContextConfig {
    /** True when a request of this route, which is not a read by its method, stores nothing. */
    storesNothing?: (request: FastifyRequest) => boolean;
  }
}

/** Methods whose repeat is harmless: a second DELETE finds nothing that it could delete. */
const REPEATABLE = new Set(['GET', 'HEAD', 'OPTIONS', 'DELETE']);

/** True when sending the request again can create nothing twice and change nothing a second time. */
function isRepeatable(request: FastifyRequest): boolean {
  // Before the caller is known, nothing can have been accepted. A request has one of the three callers, by its route.
  const isKnown = request.caller !== null || request.clientCaller !== null || request.operator !== null;
  return (
    !isKnown ||
    REPEATABLE.has(request.method) ||
    request.headers[HEADERS.idempotencyKey] !== undefined ||
    request.routeOptions.config.storesNothing?.(request) === true
  );
}

/** Answers a request with an error of the catalogue. No other function writes the answers to requests that failed. */
export function sendError(
  request: FastifyRequest,
  reply: FastifyReply,
  code: ErrorCode,
  details?: ErrorDetails,
): FastifyReply {
  const retryAfter = RETRY_AFTER[code];
  if (retryAfter !== undefined && !reply.hasHeader('retry-after')) reply.header('retry-after', retryAfter);
  reply.errorCode = code;
  return reply
    .code(ERRORS[code].status)
    .type('application/json; charset=utf-8')
    .send(
      errorReply(code, {
        requestId: request.id,
        repeatable: isRepeatable(request),
        ...(details === undefined ? {} : { details }),
      }),
    );
}
