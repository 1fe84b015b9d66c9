import { type ErrorCode, HEADERS } from '@emr-payments/contracts';
import type { Database, Redeliverer } from '@emr-payments/db';
import type { Keyring, Shares } from '@emr-payments/runtime';
import type { Resolve, SendDeps } from '@emr-payments/webhooks';
import { type TSchema, Type } from '@sinclair/typebox';
import type { CostlyReads } from '../bulkheads/costly-reads.ts';
import { componentRef, OPTIONAL_BODY } from '../openapi/component-ref.ts';
import {
  ANSWER_HEADERS,
  BODY_ERRORS,
  errorResponses,
  KEY_ERRORS,
  KEYED_ANSWER_HEADERS,
  KeyedHeadersSchema,
} from '../openapi/error-responses.ts';

/** Dependencies of the routes for webhooks and events, made in start-api.ts. */
export type WebhookDeps = {
  database: Pick<Database, 'pool'>;
  writes: Shares;
  costly: CostlyReads;
  redeliveries: Redeliverer;
  keyring: Keyring;
  /** The policy is the worker's: a URL that is registered here must be one that the worker may send to. */
  send: SendDeps;
  resolve: Resolve;
};

/** Errors that any request can get. */
const ALWAYS: ErrorCode[] = [
  'invalid_field',
  'malformed_request',
  'invalid_client',
  'method_not_allowed',
  'request_timeout',
  'rate_limited',
  'headers_too_large',
  'expectation_failed',
  'internal_error',
  'service_unavailable',
];

export type OperationInput<R extends TSchema> = {
  operationId: string;
  tag: 'Webhooks' | 'Events' | 'Connecting';
  summary: string;
  description: string;
  /** Schema of its answer; a registered component. */
  reply: R;
  /** It changes something: takes an Idempotency-Key. */
  keyed?: boolean;
  /** It takes a body; `optional` when the body may be left out. */
  body?: boolean | 'optional';
  /** Errors of its own. */
  errors?: readonly ErrorCode[];
};

/** Describes an operation of a client for the OpenAPI document, with the schemas that serialize its answers. */
export function clientOperation<R extends TSchema>(input: OperationInput<R>) {
  const { keyed = false, body = false, reply } = input;
  return {
    operationId: input.operationId,
    tags: [input.tag],
    summary: input.summary,
    description: input.description,
    ...(body === 'optional' ? { [OPTIONAL_BODY]: true } : {}),
    security: [{ client_id: [], client_secret: [] }],
    headers: keyed ? KeyedHeadersSchema : Type.Pick(KeyedHeadersSchema, [HEADERS.requestId]),
    response: {
      200: {
        ...componentRef(reply),
        description: reply.description ?? input.summary,
        headers: keyed ? KEYED_ANSWER_HEADERS : ANSWER_HEADERS,
      },
      ...errorResponses([
        ...new Set([
          ...(body === false ? [] : BODY_ERRORS),
          ...(keyed ? KEY_ERRORS : []),
          ...(input.errors ?? []),
          ...ALWAYS,
        ]),
      ]),
    },
  };
}

/** The parameters of the paths. Any text without control characters is valid; an id that does not exist is a 404. */
export const EndpointParams = Type.Object({
  id: Type.String({
    description: 'The `id` of the webhook endpoint.',
    examples: ['we_1J9X2q2eZvKYlo2CluR9g9gV'],
  }),
});
export const EventParams = Type.Object({
  id: Type.String({ description: 'The `id` of the event.', examples: ['evt_1J9X2q2eZvKYlo2CluR9g9gV'] }),
});
export const RecoveryParams = Type.Object({
  ...EndpointParams.properties,
  recovery_id: Type.String({
    description: 'The `id` of the recovery.',
    examples: ['rec_1J9X2q2eZvKYlo2CluR9g9gV'],
  }),
});
