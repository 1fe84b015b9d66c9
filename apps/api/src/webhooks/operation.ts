import type { Database, Redeliverer } from '@emr-payments/db';
import type { Keyring, Shares } from '@emr-payments/runtime';
import type { Resolve, SendDeps } from '@emr-payments/webhooks';
import { type TSchema, Type } from '@sinclair/typebox';
import type { CostlyReads } from '../bulkheads/costly-reads.ts';
import { ANSWER_HEADERS, KEYED_ANSWER_HEADERS, USER_ERRORS } from '../openapi/error-responses.ts';
import { type CallerManners, type OperationInput, operationOf } from '../openapi/operation-of.ts';

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

const CLIENT: CallerManners = {
  security: [{ client_id: [], client_secret: [] }],
  always: USER_ERRORS.filter((code) => code !== 'user_not_found'),
  answerHeaders: ANSWER_HEADERS,
  keyedAnswerHeaders: KEYED_ANSWER_HEADERS,
};

/** Describes an operation of a client. */
export const clientOperation = <R extends TSchema>(
  input: OperationInput<'Webhooks' | 'Events' | 'Connecting', R>,
) => operationOf(input, CLIENT);

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
