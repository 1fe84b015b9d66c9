import {
  ERRORS,
  type ErrorCode,
  type ErrorDetails,
  ErrorReplySchema,
  errorReply,
  HEADERS,
} from '@emr-payments/contracts';
import { Type } from '@sinclair/typebox';
import { componentRef } from './component-ref.ts';

/** Errors that every request of a user can get. */
export const USER_ERRORS = [
  'invalid_field',
  'malformed_request',
  'invalid_client',
  'user_not_found',
  'method_not_allowed',
  'request_timeout',
  'rate_limited',
  'headers_too_large',
  'expectation_failed',
  'internal_error',
  'service_unavailable',
] as const satisfies ErrorCode[];

/** Errors that any request with a body can get. */
export const BODY_ERRORS = [
  'missing_body',
  'invalid_json',
  'invalid_body',
  'payload_too_large',
  'unsupported_media_type',
] as const satisfies ErrorCode[];

/** Errors that any request with an Idempotency-Key can get. */
export const KEY_ERRORS = ['idempotency_key_reused'] as const satisfies ErrorCode[];

/** Errors that any request that queries the EMR can get. */
export const EMR_ERRORS = [
  'connection_unusable',
  'emr_unavailable',
  'emr_timeout',
] as const satisfies ErrorCode[];

/** The three credentials of a user's request. */
export const USER_SECURITY = [{ client_id: [], client_secret: [], access_token: [] }];

/** The details in the examples of error answers; the first ones are those of the published page. */
const EXAMPLE: ErrorDetails = {
  field: 'amount',
  rule: 'must be a positive number',
  mrn: 'MRN-12345',
  allow: 'POST',
  status: 'posted',
  reason: 'It failed (HTTP 503).',
  limit: 'at most 100 a second for each user',
  endpoint: 'we_1J9X2q2eZvKYlo2CluR9g9gV',
  scope: 'clients:read',
  record: 'client',
};
const REQUEST_ID = '6f1c6e0e-3b0a-4d53-9d07-0b9a4c1d2e3f';

const REQUEST_ID_HEADER = {
  [HEADERS.requestId]: {
    type: 'string',
    description: 'Id of the request: quote it when you report a problem.',
  },
};
const RETRY_AFTER_HEADER = {
  'retry-after': { type: 'integer', description: 'Seconds to wait before the next attempt.' },
};

const WITH_RETRY_AFTER = new Set([409, 429, 503]);

type ErrorResponse = {
  description: string;
  headers: object;
  content: {
    'application/json': { schema: ReturnType<typeof componentRef>; examples: Record<string, object> };
  };
};

const RATE_LIMIT_HEADERS = {
  [HEADERS.rateLimitPolicy]: {
    type: 'string',
    description:
      'The limits: `q` requests in `w` seconds, for the client and for the user. Absent when there is no limit.',
  },
  [HEADERS.rateLimit]: {
    type: 'string',
    description: 'The rest of the limits: `r` requests in the next `t` seconds.',
  },
};

/** Headers of every answer, for the documentation of a success. */
export const ANSWER_HEADERS = { ...REQUEST_ID_HEADER, ...RATE_LIMIT_HEADERS };

/** Headers that a write takes in addition to the credentials. */
export const KeyedHeadersSchema = Type.Object({
  'Idempotency-Key': Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 255,
      pattern: '^[\\x21-\\x7e]{1,255}$',
      description:
        'A value of your choice, new for each request that creates or changes something. A repeated request with the same ' +
        'key gets the first answer again, with `Idempotent-Replayed: true`; another request with it gets a 422. It counts for ' +
        'the user whose access token is sent (one practice), and for the client where none is: another user may have the same key. Kept for ' +
        'seven days.',
    }),
  ),
  [HEADERS.requestId]: Type.Optional(
    Type.String({
      description:
        'Your own id for this request, for the logs of both sides: 1 to 128 letters, digits, dots, underscores and hyphens. ' +
        'Without it, or with one of another form, the service makes one.',
    }),
  ),
});

/** Headers of a write's answer. */
export const KEYED_ANSWER_HEADERS = {
  ...ANSWER_HEADERS,
  'Idempotent-Replayed': {
    type: 'string',
    enum: ['true'],
    description: 'This is the answer to an earlier request with the same Idempotency-Key.',
  },
};

/** Makes the `response` schemas of an operation's errors, by status, with an example of each code. */
export function errorResponses(codes: readonly ErrorCode[]): Record<number, ErrorResponse> {
  const responses: Record<number, ErrorResponse> = {};
  for (const code of codes) {
    const { status, about } = ERRORS[code];
    const response = responses[status] ?? emptyResponse(status);
    responses[status] = response;
    response.description += `${response.description === '' ? '' : '\n\n'}\`${code}\`: ${about}`;
    response.content['application/json'].examples[code] = {
      summary: about,
      value: errorReply(code, { requestId: REQUEST_ID, repeatable: true, details: EXAMPLE }),
    };
  }
  return responses;
}

function emptyResponse(status: number): ErrorResponse {
  return {
    description: '',
    headers: {
      ...REQUEST_ID_HEADER,
      ...(status === 429 ? RATE_LIMIT_HEADERS : {}),
      ...(WITH_RETRY_AFTER.has(status) ? RETRY_AFTER_HEADER : {}),
    },
    content: { 'application/json': { schema: componentRef(ErrorReplySchema), examples: {} } },
  };
}
