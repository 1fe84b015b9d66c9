import { type Static, Type } from '@sinclair/typebox';
import { listOf, nullable, PAGE_QUERY, replyOf, timeOf } from './replies.ts';
import { EventTypeSchema } from './webhook-endpoints.ts';

export type DeliveryStatus = 'pending' | 'delivered' | 'failed' | 'canceled';

const StatusSchema = Type.Unsafe<DeliveryStatus>({
  type: 'string',
  enum: ['pending', 'delivered', 'failed', 'canceled'],
  description:
    '`pending`: waits for its first or next attempt. `failed`: its attempts are used up. `canceled`: the endpoint was ' +
    'disabled before. Failed and canceled ones can be recovered.',
});

/** What one attempt came to. */
const Exchange = {
  http_status: nullable(Type.Integer({ description: 'Of the answer; null when none came.' })),
  duration_ms: Type.Integer({ description: 'Name, connection, request and whole answer.' }),
  error_kind: nullable(
    Type.String({
      description:
        'null when it was delivered. Else http_status, timeout, dns, connect, tls, reset, protocol or address_refused.',
    }),
  ),
  excerpt: nullable(Type.String({ description: 'The first 1 KiB of the answer.' })),
};

/** One event for one endpoint. */
export const DeliverySchema = Type.Object(
  {
    id: Type.Integer(),
    event_id: Type.String({ examples: ['evt_1J9X2q2eZvKYlo2CluR9g9gV'] }),
    event_type: Type.String(),
    status: StatusSchema,
    created_at: timeOf('When the event came about for this endpoint.'),
    finished_at: nullable(timeOf('When it was delivered, failed or canceled.')),
    next_attempt_at: nullable(timeOf('Not before this is it tried next. null when nothing is planned.')),
    attempt_count: Type.Integer({ description: 'Attempts made so far.' }),
    attempts: Type.Array(
      Type.Object({ number: Type.Integer(), started_at: timeOf('When it was sent.'), ...Exchange }),
      { description: 'The last 20 at the most, oldest first.' },
    ),
  },
  { $id: 'WebhookDelivery' },
);
export type DeliveryView = Static<typeof DeliverySchema>;

export const DeliveryListSchema = listOf(
  'WebhookDeliveryList',
  Type.Unsafe<DeliveryView>({ $ref: 'WebhookDelivery#' }),
  'Deliveries, newest first',
);

export const ListDeliveriesQuerySchema = Type.Object(
  {
    status: Type.Optional(StatusSchema),
    event_type: Type.Optional(EventTypeSchema),
    created_after: Type.Optional(
      Type.String({ format: 'date-time', description: 'Only those that came about later than this.' }),
    ),
    ...PAGE_QUERY,
  },
  { additionalProperties: false },
);
export type ListDeliveriesQuery = Static<typeof ListDeliveriesQuerySchema>;

export const TestWebhookReplySchema = replyOf(
  'WebhookTestResult',
  Type.Object({
    delivered: Type.Boolean({ description: 'The endpoint answered 2xx in time.' }),
    event_id: Type.String({ description: 'The `webhook-id` that was sent.' }),
    ...Exchange,
    detail: nullable(Type.String({ description: 'What went wrong, for a person.' })),
  }),
  'What came back',
);

/** Body of `POST /v1/events/{id}/redeliver`. */
export const RedeliverBodySchema = Type.Object(
  {
    endpoint_id: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 64,
        description:
          'Only to this endpoint, whatever types it asks for. Without it: to every enabled one that wants the type.',
      }),
    ),
  },
  { $id: 'RedeliverEvent', additionalProperties: false },
);
export type RedeliverBody = Static<typeof RedeliverBodySchema>;

export const RedeliverReplySchema = replyOf(
  'EventRedelivering',
  Type.Object({
    event_id: Type.String(),
    endpoint_ids: Type.Array(Type.String(), {
      description: 'Those that get it again. One to which it is on its way already is not among them.',
    }),
  }),
  'On its way again',
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
      Type.String({ format: 'date-time', description: 'Events before this time; now, unless told.' }),
    ),
  },
  { $id: 'RecoverWebhook', additionalProperties: false },
);
export type RecoverBody = Static<typeof RecoverBodySchema>;

/** One recovery and how far it is. */
export const RecoverySchema = Type.Object(
  {
    id: Type.String({ examples: ['rec_1J9X2q2eZvKYlo2CluR9g9gV'] }),
    endpoint_id: Type.String(),
    since: timeOf('From the request.'),
    until: timeOf('From the request, or when it was made.'),
    status: Type.Unsafe<'running' | 'done'>({ type: 'string', enum: ['running', 'done'] }),
    total: Type.Integer({ description: 'Events that it sends.' }),
    done: Type.Integer({ description: 'Those of them that wait for nothing more.' }),
    delivered: Type.Integer(),
    failed: Type.Integer({ description: 'Failed or canceled again.' }),
    more: Type.Boolean({
      description:
        'One recovery takes 10000 events, oldest first. When this is done, ask again with the same times.',
    }),
    created_at: timeOf('When it was asked for.'),
  },
  { $id: 'WebhookRecovery' },
);
export type RecoveryView = Static<typeof RecoverySchema>;

export const RecoveryReplySchema = replyOf(
  'WebhookRecoveryReply',
  Type.Unsafe<RecoveryView>({ $ref: 'WebhookRecovery#' }),
  'The recovery',
);
