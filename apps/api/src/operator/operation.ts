import { HEADERS, isOperatorScope, type OperatorScope } from '@emr-payments/contracts';
import { type TSchema, Type } from '@sinclair/typebox';
import type { FastifySchema } from 'fastify';
import { KEYED_ANSWER_HEADERS } from '../openapi/error-responses.ts';
import { type CallerManners, type OperationInput, operationOf } from '../openapi/operation-of.ts';

const REQUEST_ID = { [HEADERS.requestId]: KEYED_ANSWER_HEADERS[HEADERS.requestId] };

const OPERATOR: CallerManners = {
  security: [{ operator_key: [] }],
  always: [
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
  ],
  answerHeaders: REQUEST_ID,
  keyedAnswerHeaders: {
    ...REQUEST_ID,
    'Idempotent-Replayed': KEYED_ANSWER_HEADERS['Idempotent-Replayed'],
  },
};

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

export type OperatorOperationInput<R extends TSchema> = OperationInput<keyof typeof OPERATOR_TAGS, R> & {
  scope: OperatorScope;
};

/** Describes an operation of the operator's API. */
export const operatorOperation = <R extends TSchema>({ scope, ...input }: OperatorOperationInput<R>) => ({
  ...operationOf(
    { ...input, description: `${input.description}\n\nThe key needs the scope \`${scope}\`.` },
    OPERATOR,
  ),
  [SCOPE]: scope,
});

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
