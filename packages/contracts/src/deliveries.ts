import { type Static, Type } from '@sinclair/typebox';
import { EventTypeSchema } from './event-types.ts';
import { bigInteger, listOf, nullable, PAGE_QUERY, replyOf, timeOf } from './replies.ts';

export type DeliveryStatus = 'pending' | 'delivered' | 'failed' | 'canceled';

const StatusSchema = Type.Unsafe<DeliveryStatus>({
  type: 'string',
  enum: ['pending', 'delivered', 'failed', 'canceled'],
  description:
    '`pending`: waits for its first or next attempt. `failed`: all attempts are used up. `canceled`: the endpoint was ' +
    'disabled first. Failed and canceled deliveries can be recovered.',
});

/** The result of one attempt. */
const Exchange = {
  http_status: nullable(
    Type.Integer({ description: 'Status of the answer; null when there was no answer.' }),
  ),
  duration_ms: Type.Integer({ description: 'From the DNS query to the end of the answer.' }),
  error_kind: nullable(
    Type.String({
      description:
        'null when it was delivered; otherwise http_status, timeout, dns, connect, tls, reset, protocol, answer_too_large or ' +
        'address_refused.',
    }),
  ),
  excerpt: nullable(Type.String({ description: 'The first 1 KiB of the answer.' })),
};

/** One event for one endpoint. */
export const DeliverySchema = Type.Object(
  {
    id: bigInteger({ description: 'Number of the delivery.' }),
    event_id: Type.String({ description: 'The event.', examples: ['evt_1J9X2q2eZvKYlo2CluR9g9gV'] }),
    event_type: Type.String({ description: 'The type of the event.' }),
    status: StatusSchema,
    created_at: timeOf('When the delivery was created.'),
    finished_at: nullable(timeOf('When it was delivered, failed or canceled.')),
    next_attempt_at: nullable(timeOf('Earliest time of the next attempt; null when no attempt is planned.')),
    attempt_count: Type.Integer({ description: 'Attempts made so far.' }),
    attempts: Type.Array(
      Type.Object(
        {
          number: Type.Integer({ minimum: 1, description: 'Counts from 1.' }),
          started_at: timeOf('When it was sent.'),
          ...Exchange,
        },
        { title: 'WebhookAttempt', description: 'One attempt to send an event.' },
      ),
      { description: 'At most the last 20, oldest first.' },
    ),
  },
  { $id: 'WebhookDelivery', description: 'One event for one endpoint, with its attempts.' },
);
export type DeliveryView = Static<typeof DeliverySchema>;

export const DeliveryListSchema = listOf(
  'WebhookDeliveryList',
  Type.Unsafe<DeliveryView>({ $ref: 'WebhookDelivery#' }),
  'Deliveries, newest first',
);

export const ListDeliveriesQuerySchema = Type.Object(
  {
    status: Type.Optional({ ...StatusSchema, description: 'Only deliveries in this state.' }),
    event_type: Type.Optional({ ...EventTypeSchema, description: 'Only of events of this type.' }),
    created_after: Type.Optional(
      Type.String({ format: 'date-time', description: 'Only deliveries that were created later than this.' }),
    ),
    ...PAGE_QUERY,
  },
  { additionalProperties: false },
);

export const TestWebhookReplySchema = replyOf(
  'WebhookTestResult',
  Type.Object(
    {
      delivered: Type.Boolean({ description: 'The endpoint answered 2xx in time.' }),
      event_id: Type.String({ description: 'The `webhook-id` that was sent.' }),
      ...Exchange,
      detail: nullable(Type.String({ description: 'What went wrong, in words for a person.' })),
    },
    { title: 'WebhookTest', description: 'The result of a test of an endpoint.' },
  ),
  'The result of the test',
);

/** Body of `POST /v1/events/{id}/redeliver`. */
export const RedeliverBodySchema = Type.Object(
  {
    endpoint_id: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 64,
        description:
          'Send to this endpoint only, whatever types it subscribes to. Without it: to every enabled endpoint that subscribes to the type.',
      }),
    ),
  },
  {
    $id: 'RedeliverEvent',
    additionalProperties: false,
    description: 'Where to send the event again.',
  },
);

export const RedeliverReplySchema = replyOf(
  'EventRedelivering',
  Type.Object(
    {
      event_id: Type.String({ description: 'The event.' }),
      endpoint_ids: Type.Array(Type.String(), {
        description:
          'The endpoints that get it again. An endpoint with a delivery of it still pending is left out.',
      }),
    },
    { title: 'RedeliveringEvent', description: 'An event that is sent again.' },
  ),
  'It is sent again',
);

/** Body of `POST /v1/webhooks/{id}/recover`. */
export const RecoverBodySchema = Type.Object(
  {
    since: Type.String({
      format: 'date-time',
      description: 'Events from this time on.',
      examples: ['2026-06-15T00:00:00Z'],
    }),
    until: Type.Optional(
      Type.String({ format: 'date-time', description: 'Events before this time; by default now.' }),
    ),
  },
  {
    $id: 'RecoverWebhook',
    additionalProperties: false,
    description: 'The time whose events are sent again.',
  },
);
export type RecoverBody = Static<typeof RecoverBodySchema>;

const RECOVERY_STATES = ['running', 'done', 'canceled'] as const;
export type RecoveryState = (typeof RECOVERY_STATES)[number];

/** A recovery with its progress. */
export const RecoverySchema = Type.Object(
  {
    id: Type.String({ description: 'Id of the recovery.', examples: ['rec_1J9X2q2eZvKYlo2CluR9g9gV'] }),
    endpoint_id: Type.String({ description: 'The endpoint.' }),
    since: timeOf('As requested.'),
    until: timeOf('As requested; by default the time of the request.'),
    state: Type.Unsafe<RecoveryState>({
      type: 'string',
      enum: [...RECOVERY_STATES],
      description:
        '`running`: events are being searched, or sent. `done`: every event that the endpoint missed was delivered, failed or ' +
        'canceled. `canceled`: the endpoint was disabled or deleted before that; start another one when it is enabled again.',
    }),
    status: Type.Unsafe<RecoveryState>({
      type: 'string',
      enum: [...RECOVERY_STATES],
      description: 'The same as `state`, by its earlier name.',
    }),
    total: nullable(
      bigInteger({
        description:
          'Events that it sends in all; null until all have been found, and for good when it was canceled before that.',
      }),
    ),
    found: bigInteger({ description: 'Events that it has found and queued so far.' }),
    searched_until: nullable(
      timeOf('Events from before this time have been searched; null until the search begins.'),
    ),
    done: bigInteger({ description: 'Events that were delivered, failed or canceled.' }),
    delivered: bigInteger({ description: 'Events that were delivered.' }),
    failed: bigInteger({ description: 'Events whose delivery failed or was canceled again.' }),
    more: Type.Boolean({
      description: 'Always false: one recovery sends everything that was missed in its period.',
    }),
    created_at: timeOf('When it was requested.'),
  },
  { $id: 'WebhookRecovery', description: 'A recovery with its progress.' },
);
export type RecoveryView = Static<typeof RecoverySchema>;

export const RecoveryReplySchema = replyOf(
  'WebhookRecoveryReply',
  Type.Unsafe<RecoveryView>({ $ref: 'WebhookRecovery#' }),
  'The recovery',
);
