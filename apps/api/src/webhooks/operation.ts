import { type ErrorCode, HEADERS } from '@emr-payments/contracts';
import { type TSchema, Type } from '@sinclair/typebox';
import { componentRef } from '../openapi/component-ref.ts';
import { ANSWER_HEADERS, errorResponses } from '../openapi/error-responses.ts';
import { OPTIONAL_BODY } from '../openapi/optional-bodies.ts';

/** Errors that any request can meet. */
const ALWAYS: ErrorCode[] = [
  'malformed_request',
  'invalid_client',
  'method_not_allowed',
  'request_timeout',
  'rate_limited',
  'headers_too_large',
  'internal_error',
  'service_unavailable',
];
const WITH_BODY: ErrorCode[] = [
  'invalid_field',
  'missing_body',
  'invalid_json',
  'invalid_body',
  'payload_too_large',
  'unsupported_media_type',
];

const RequestId = Type.Optional(
  Type.String({
    pattern: '^[A-Za-z0-9._-]{1,128}$',
    description: 'Your own id for this request, for the logs of both sides. Without it one is made.',
  }),
);
const IdempotencyKey = Type.Optional(
  Type.String({
    minLength: 1,
    maxLength: 255,
    pattern: '^[\\x21-\\x7e]{1,255}$',
    description:
      'A value of your choosing, new for each request. The same key with the same request gets the first answer again, ' +
      'with `Idempotent-Replayed: true`; with another request 422. Kept for seven days, sealed where it holds a secret.',
  }),
);
const REPLAYED = {
  'Idempotent-Replayed': {
    type: 'string',
    enum: ['true'],
    description: 'This is the answer to an earlier request with the same Idempotency-Key.',
  },
};

export type OperationInput<R extends TSchema> = {
  operationId: string;
  tag: 'Webhooks' | 'Events';
  summary: string;
  description?: string;
  /** What it answers; a registered component. */
  reply: R;
  /** It changes something: takes an Idempotency-Key. */
  keyed?: boolean;
  /** It takes a body; `optional` when that may be left out. */
  body?: boolean | 'optional';
  /** Errors of its own. */
  errors?: readonly ErrorCode[];
};

/** How an operation of a client stands in the OpenAPI document, and the schemas that its answers are written by. */
export function clientOperation<R extends TSchema>(input: OperationInput<R>) {
  const { keyed = false, body = false, reply } = input;
  return {
    operationId: input.operationId,
    tags: [input.tag],
    summary: input.summary,
    ...(input.description === undefined ? {} : { description: input.description }),
    ...(body === 'optional' ? { [OPTIONAL_BODY]: true } : {}),
    security: [{ client_id: [], client_secret: [] }],
    headers: Type.Object({
      ...(keyed ? { 'Idempotency-Key': IdempotencyKey } : {}),
      [HEADERS.requestId]: RequestId,
    }),
    response: {
      200: {
        ...componentRef(reply),
        description: reply.description ?? input.summary,
        headers: { ...ANSWER_HEADERS, ...(keyed ? REPLAYED : {}) },
      },
      ...errorResponses([
        ...new Set([
          ...(body === false ? [] : WITH_BODY),
          ...(keyed ? (['invalid_field', 'idempotency_key_reused'] as const) : []),
          ...(input.errors ?? []),
          ...ALWAYS,
        ]),
      ]),
    },
  };
}

/** `{id}` of a path. Any text is taken: one that names nothing is 404. */
export const IdParams = Type.Object({ id: Type.String() });
export const RecoveryParams = Type.Object({ id: Type.String(), recovery_id: Type.String() });
