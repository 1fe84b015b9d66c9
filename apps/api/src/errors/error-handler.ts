import type { ErrorCode } from '@emr-payments/contracts';
import { isMisfit, isUnavailable } from '@emr-payments/db';
import { createNews, LateError, type Logger, ShareExceededError } from '@emr-payments/runtime';
import { NoResourcesError } from '@emr-payments/webhooks';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { ReadTooCostlyError } from '../bulkheads/costly-reads.ts';
import { type FieldRules, firstBadField, UNKNOWN_FIELD } from './bad-field.ts';
import { sendNoRoute } from './empty-parameters.ts';
import { fieldsHint, mediaTypeHint, numberHint, plusHint } from './hints.ts';
import { sendError } from './send-error.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The body's fields in the published order: the error names the first bad one. */
    fieldOrder?: readonly string[];
    /** The rules of the body's or the query's fields, for the brackets of the sentence. */
    fieldRules?: FieldRules;
    /** The content type of its bodies, where it is not JSON. */
    mediaType?: string;
  }
}

/** Fastify's own errors, as errors of the catalogue. Any other error is a bug of ours: 500. */
const FROM_FASTIFY: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_INVALID_JSON_BODY: 'invalid_json',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_BODY_TOO_LARGE: 'payload_too_large',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'malformed_request',
  FST_ERR_BAD_URL: 'route_not_found',
  FST_ERR_MAX_PARAM_LENGTH: 'route_not_found',
};

/** `hint` is set by parsers of ours. */
type RequestError = FastifyError & { hint?: string };

/** An outage fails every request for the same reason. The line of each request says its status and its id. */
const OUTAGE_QUIET_MS = 10_000;

/** Makes the one error handler. Expected outcomes do not reach it: handlers answer them with `sendError`. */
export function errorHandler({ logger }: { logger: Logger }) {
  const outages = createNews({ quietMs: OUTAGE_QUIET_MS });
  return (error: RequestError, request: FastifyRequest, reply: FastifyReply): void => {
    if (request.is404) {
      // Fastify parses the body of an unknown route too, and that failed.
      sendNoRoute(request, reply);
      return;
    }
    if (error.validation !== undefined) {
      sendInvalid(error, request, reply);
      return;
    }
    if (error instanceof ShareExceededError) {
      sendError(request, reply, 'rate_limited', { limit: error.limit });
      return;
    }
    const code = codeOf(error, request);
    if (code === 'internal_error' || (code === 'service_unavailable' && outages.isNews(error))) {
      logger.error({ err: error, request_id: request.id, code }, 'request failed');
    }
    // The operator may want to raise READ_TIMEOUT_MS.
    if (code === 'read_too_costly') logger.warn({ request_id: request.id, code }, 'a read took too long');
    const { mediaType } = request.routeOptions.config;
    sendError(request, reply, code, {
      ...(mediaType === undefined ? {} : { mediaType }),
      hint: code === 'unsupported_media_type' ? mediaTypeHint(request.headers, mediaType) : error.hint,
    });
  };
}

function codeOf(error: FastifyError, request: FastifyRequest): ErrorCode {
  // The caller closed the connection in the middle of its body: the error has the code of a lost connection to PostgreSQL.
  if (error === request.raw.errored) return 'malformed_request';
  if (error instanceof ReadTooCostlyError) return 'read_too_costly';
  // A database that does not fit this version is the operator's to repair: the same request works when it is.
  if (error instanceof LateError || isUnavailable(error) || isMisfit(error)) return 'service_unavailable';
  if (error instanceof NoResourcesError) return 'service_unavailable';
  const known = FROM_FASTIFY[error.code];
  if (known !== undefined) return known;
  // A plugin that refuses a path, such as `/docs/static/../x`, or anything else that the caller sent.
  const { statusCode = 500 } = error;
  if (statusCode === 403 || statusCode === 404) return 'route_not_found';
  return statusCode >= 400 && statusCode < 500 ? 'malformed_request' : 'internal_error';
}

/** Answers a request whose body, or another part of it, does not fit its schema. */
function sendInvalid(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  const part = {
    body: request.body,
    querystring: request.query,
    params: request.params,
    headers: request.headers,
  }[error.validationContext ?? 'body'];
  if (part === undefined) {
    sendError(request, reply, 'missing_body');
    return;
  }
  const isObject = typeof part === 'object' && part !== null && !Array.isArray(part);
  const { fieldOrder: order = [], fieldRules: rules = {} } = request.routeOptions.config;
  const bad = isObject
    ? firstBadField(error.validation ?? [], part as Record<string, unknown>, {
        order,
        rules,
        found: part === request.body ? request.ambiguousField : null,
      })
    : null;
  if (bad === null) sendError(request, reply, 'invalid_body');
  else {
    const value = (part as Record<string, unknown>)[bad.field];
    const inBody = part === request.body;
    // The other parts of a request are text by nature.
    const form = inBody ? numberHint(bad, value) : plusHint(bad.field, value);
    const known = bad.rule === UNKNOWN_FIELD ? fieldsHint(request, inBody ? 'body' : 'query') : undefined;
    sendError(request, reply, 'invalid_field', { ...bad, hint: bad.hint ?? form ?? known });
  }
}
