import type { ErrorEntry } from './error-entry.ts';

/** Errors of a request that was not understood, or not in time: any route can answer with them. */
export const REQUEST_ERRORS = {
  invalid_field: {
    status: 400,
    retry: 'never',
    about:
      'A field is missing, wrong, unknown or named twice, or its number changes when it is parsed (1.000000000000000000001). The ' +
      'first one in the published order is named, with its rule.',
    sentence: ({ field, rule }) => `Missing or invalid required field: ${field} (${rule})`,
  },
  missing_body: {
    status: 400,
    retry: 'never',
    about: 'The request has no body.',
    sentence: ({ mediaType }) =>
      `The request body is missing. Send ${mediaType === undefined ? 'a JSON object' : `a file as ${mediaType}`}.`,
  },
  invalid_json: {
    status: 400,
    retry: 'never',
    about: 'The body is not JSON in UTF-8, or is nested too deeply.',
    sentence: () => 'The request body is not valid JSON.',
  },
  invalid_body: {
    status: 400,
    retry: 'never',
    about: 'The body is JSON, but not an object.',
    sentence: () => 'The request body must be a JSON object.',
  },
  malformed_request: {
    status: 400,
    retry: 'never',
    about: 'The request is not well-formed HTTP.',
    sentence: () => 'The request could not be understood.',
  },
  route_not_found: {
    status: 404,
    retry: 'never',
    about: 'There is nothing at this path.',
    sentence: () => 'There is no such route.',
  },
  method_not_allowed: {
    status: 405,
    retry: 'never',
    about: 'The path does not have this method; the header `Allow` lists the methods that it has.',
    sentence: ({ allow }) => `This method is not allowed here. Allowed: ${allow}.`,
  },
  request_timeout: {
    status: 408,
    retry: 'always',
    about: 'The request was not received completely in time.',
    sentence: () => 'The request did not arrive completely in time.',
  },
  payload_too_large: {
    status: 413,
    retry: 'never',
    about: 'The body is larger than 64 KiB; a file of patients, than 16 MiB.',
    sentence: ({ limit = '64 KiB' }) => `The request body is larger than ${limit}.`,
  },
  unsupported_media_type: {
    status: 415,
    retry: 'never',
    about:
      'The content type is not application/json (text/csv for a file of patients), or the body is compressed.',
    sentence: ({ mediaType = 'application/json' }) => `The request body must be sent as ${mediaType}.`,
  },
  expectation_failed: {
    status: 417,
    retry: 'never',
    about: 'The header Expect has another value than 100-continue.',
    sentence: () => 'The header Expect asks for something that this service does not do.',
  },
  headers_too_large: {
    status: 431,
    retry: 'never',
    about: 'The headers are larger than 16 KiB.',
    sentence: () => 'The request headers are too large.',
  },
  idempotency_key_in_flight: {
    status: 409,
    retry: 'always',
    about: 'A request with the same Idempotency-Key is still being processed.',
    sentence: () => 'A request with this Idempotency-Key is still being processed. Send it again shortly.',
  },
  idempotency_key_reused: {
    status: 422,
    retry: 'never',
    about: 'The Idempotency-Key was used before with another request. Use a new key for a new request.',
    sentence: () => 'This Idempotency-Key was already used with a different request.',
  },
  rate_limited: {
    status: 429,
    retry: 'always',
    about:
      'Too many requests, a second or at a time; the header `Retry-After` says when to try again. Nothing of this request was stored.',
    sentence: ({ limit }) => `Too many requests: ${limit}.`,
  },
  read_too_costly: {
    status: 422,
    retry: 'never',
    about:
      'Reading this takes longer than a read may take, and was stopped. Narrow it, such as by a shorter time.',
    sentence: () => 'Reading this takes too long. Narrow it: a shorter time, another filter, or a location.',
  },
} as const satisfies Record<string, ErrorEntry>;
