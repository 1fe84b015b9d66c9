import { ERRORS, type ErrorCode, type ErrorDetails, errorReply, HEADERS } from '@emr-payments/contracts';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** `Retry-After` in seconds: about the time of a Postgres restart, and of a request in flight. */
const RETRY_AFTER: Partial<Record<ErrorCode, string>> = {
  service_unavailable: '2',
  idempotency_key_in_flight: '1',
};

const READS = new Set(['GET', 'HEAD', 'OPTIONS']);

declare module 'fastify' {
  interface FastifyContextConfig {
    /** True for a request that stores nothing in spite of its method: it is always safe to repeat. */
    storesNothing?: (request: FastifyRequest) => boolean;
  }
}

/**
 * True when the caller can send a request again without creating anything twice. Every route that stores something and has a caller
 * honours the Idempotency-Key (its `answerOnce`, or the acceptor).
 */
function isRepeatable(request: FastifyRequest): boolean {
  // Before the caller is known, nothing can have been accepted.
  if (request.caller === null && request.clientCaller === null) return true;
  if (READS.has(request.method) || request.headers[HEADERS.idempotencyKey] !== undefined) return true;
  return request.routeOptions.config.storesNothing?.(request) === true;
}

/** Answers a request with an error of the catalogue. No other function writes the answers to requests that failed. */
export function sendError(
  request: FastifyRequest,
  reply: FastifyReply,
  code: ErrorCode,
  details?: ErrorDetails,
): FastifyReply {
  const repeatable = isRepeatable(request);
  const retryAfter = RETRY_AFTER[code];
  if (retryAfter !== undefined) reply.header('retry-after', retryAfter);
  reply.errorCode = code;
  return reply
    .code(ERRORS[code].status)
    .type('application/json; charset=utf-8')
    .send(
      errorReply(code, { requestId: request.id, repeatable, ...(details === undefined ? {} : { details }) }),
    );
}
