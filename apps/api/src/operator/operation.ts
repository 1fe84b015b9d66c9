import { type ErrorCode, HEADERS, isOperatorScope, type OperatorScope } from '@emr-payments/contracts';
import { type TSchema, Type } from '@sinclair/typebox';
import type { FastifySchema } from 'fastify';
import { componentRef, OPTIONAL_BODY } from '../openapi/component-ref.ts';
import {
  BODY_ERRORS,
  errorResponses,
  KEY_ERRORS,
  KEYED_ANSWER_HEADERS,
  KeyedHeadersSchema,
} from '../openapi/error-responses.ts';

/** Errors that any request can get. */
const ALWAYS: ErrorCode[] = [
  'invalid_field',
  'malformed_request',
  'invalid_operator_key',
  'scope_missing',
  'method_not_allowed',
  'request_timeout',
  'rate_limited',
  'headers_too_large',
  'expectation_failed',
  'internal_error',
  'service_unavailable',
];

const REQUEST_ID = { [HEADERS.requestId]: KEYED_ANSWER_HEADERS[HEADERS.requestId] };
const KEYED = { ...REQUEST_ID, 'Idempotent-Replayed': KEYED_ANSWER_HEADERS['Idempotent-Replayed'] };

export const OPERATOR_TAGS = {
  Clients: 'Integrators, their secrets and their webhook endpoints',
  Users: 'Practice logins and their access tokens',
  Connections: 'EMR connections of users',
  Holds: 'Stopping and continuing to post',
  Worklist: 'Payments that wait for a person',
  Service: 'The audit log and the checks of the service',
} as const;

/** The scope of an operation, in its schema: the document shows it, and the hook demands it. */
const SCOPE = 'x-scope';

export type OperatorOperationInput<R extends TSchema> = {
  operationId: string;
  tag: keyof typeof OPERATOR_TAGS;
  summary: string;
  description: string;
  scope: OperatorScope;
  /** Schema of its answer; a registered component. */
  reply: R;
  /** It takes an Idempotency-Key. */
  keyed?: boolean;
  /** It takes a body; `optional` when the body may be left out. */
  body?: boolean | 'optional';
  /** Errors of its own. */
  errors?: readonly ErrorCode[];
};

/** Describes an operation of the operator's API, with the schemas that serialize its answers. */
export function operatorOperation<R extends TSchema>(input: OperatorOperationInput<R>) {
  const { keyed = false, body = false, reply, scope } = input;
  return {
    operationId: input.operationId,
    tags: [input.tag],
    summary: input.summary,
    description: `${input.description}\n\nThe key needs the scope \`${scope}\`.`,
    [SCOPE]: scope,
    ...(body === 'optional' ? { [OPTIONAL_BODY]: true } : {}),
    security: [{ operator_key: [] }],
    headers: keyed ? KeyedHeadersSchema : Type.Pick(KeyedHeadersSchema, [HEADERS.requestId]),
    response: {
      200: {
        ...componentRef(reply),
        description: reply.description ?? input.summary,
        headers: keyed ? KEYED : REQUEST_ID,
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

/** Returns the scope that an operation takes. @throws Error when a route does not say it: a bug. */
export function scopeOf(schema: FastifySchema | undefined): OperatorScope {
  const scope = (schema as { [SCOPE]?: unknown } | undefined)?.[SCOPE];
  if (typeof scope !== 'string' || !isOperatorScope(scope)) throw new Error('this route names no scope');
  return scope;
}

const id = (description: string, example: string) => Type.String({ description, examples: [example] });

/** Parameters of the paths. Any text is valid; an id that does not exist is a 404. */
export const ClientParams = Type.Object({
  client_id: id('Public id of the client.', 'ci_live_1J9X2q2eZvKYlo2CluR9g9gVabcdefgh'),
});
export const UserParams = Type.Object({
  user_id: id('Public id of the user.', 'user_1J9X2q2eZvKYlo2Cxyz'),
});
export const EndpointParams = Type.Object({
  endpoint_id: id('Id of the webhook endpoint.', 'we_1J9X2q2eZvKYlo2CluR9g9gV'),
});
export const EventParams = Type.Object({
  event_id: id('Id of the event.', 'evt_1J9X2q2eZvKYlo2CluR9g9gV'),
});
export const HoldParams = Type.Object({ scope: id('`all`, or the id of a user.', 'all') });
export const PaymentParams = Type.Object({
  payment_id: id('The `payment_id`.', '123e4567e89b12d3a456426614174001'),
});
