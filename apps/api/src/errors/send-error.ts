import { ERRORS, type ErrorCode, type ErrorDetails, errorReply, HEADERS } from '@emr-payments/contracts';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** `Retry-After` in seconds: about the time of a Postgres restart, and of a request in flight. A header that is set stays. */
const RETRY_AFTER: Partial<Record<ErrorCode, string>> = {
  service_unavailable: '2',
  idempotency_key_in_flight: '1',
  rate_limited: '1',
  patient_lookup_unavailable: '2',
  import_in_progress: '5',
};

/** An EMR's own wait, which may be a day, is not passed on longer than this, in seconds. */
const LONGEST_RETRY_AFTER = 3600;

/** Sets `Retry-After` to a wait that is known. Without one the error's own stays. */
export function retryAfter(reply: FastifyReply, milliseconds: number | undefined): FastifyReply {
  if (milliseconds === undefined) return reply;
  const seconds = Math.min(Math.max(1, Math.ceil(milliseconds / 1000)), LONGEST_RETRY_AFTER);
  return reply.header('retry-after', String(seconds));
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** True when a request of this route, which is not a read by its method, stores nothing. */
    storesNothing?: (request: FastifyRequest) => boolean;
    /** True for a route whose request can be repeated without harm, although its method does not say so. */
    repeatable?: boolean;
  }
}

/** Methods whose repeat is harmless: a second DELETE finds nothing that it could delete, a second PUT nothing that it could change. */
const REPEATABLE = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);

/** True when sending the request again can create nothing twice and change nothing a second time. */
function isRepeatable(request: FastifyRequest): boolean {
  // Before the caller is known, nothing can have been accepted. A request has one of the three callers, by its route.
  const isKnown = request.caller !== null || request.clientCaller !== null || request.operator !== null;
  return (
    !isKnown ||
    REPEATABLE.has(request.method) ||
    request.headers[HEADERS.idempotencyKey] !== undefined ||
    request.routeOptions.config.repeatable === true ||
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
