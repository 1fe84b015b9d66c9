import { ERRORS, type ErrorCode, type ErrorDetails, errorReply, HEADERS } from '@emr-payments/contracts';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** `Retry-After` in seconds: about the time of a Postgres restart, and of a request in flight. A header that is set stays. */
const RETRY_AFTER: Partial<Record<ErrorCode, string>> = {
  service_unavailable: '2',
  idempotency_key_in_flight: '1',
  rate_limited: '1',
};

const READS = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Answers a request with an error of the catalogue. No other function writes the answers to requests that failed. */
export function sendError(
  request: FastifyRequest,
  reply: FastifyReply,
  code: ErrorCode,
  details?: ErrorDetails,
): FastifyReply {
  // Before the caller is known, nothing can have been accepted.
  const repeatable =
    request.caller === null ||
    READS.has(request.method) ||
    request.headers[HEADERS.idempotencyKey] !== undefined;
  const retryAfter = RETRY_AFTER[code];
  if (retryAfter !== undefined && !reply.hasHeader('retry-after')) reply.header('retry-after', retryAfter);
  reply.errorCode = code;
  return reply
    .code(ERRORS[code].status)
    .type('application/json; charset=utf-8')
    .send(
      errorReply(code, { requestId: request.id, repeatable, ...(details === undefined ? {} : { details }) }),
    );
}
