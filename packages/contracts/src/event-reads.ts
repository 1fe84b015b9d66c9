import { type Static, Type } from '@sinclair/typebox';
import { EventTypeSchema } from './event-types.ts';
import { PAYMENT_ID_PATTERN } from './ids.ts';
import { listOf, nullable, onlyText, PAGE_QUERY, replyOf } from './replies.ts';

/** An event of any type, as it is sent. The document has each type's own schema under `webhooks`. */
export const StoredEventSchema = Type.Object(
  {
    id: Type.String({ description: 'Id of the event.' }),
    access_token_reference_id: nullable(
      Type.String({ description: 'The user; null when the event concerns no user.' }),
    ),
    object: onlyText('event'),
    created: Type.String({
      format: 'date-time',
      description: 'When the event happened, in UTC and whole seconds.',
    }),
    type: Type.String({ description: 'New types may be added: ignore those that you do not know.' }),
    job_id: nullable(Type.String({ description: 'The job; null when the event concerns no job.' })),
    data: Type.Object(
      {},
      { additionalProperties: true, description: "The event's own fields, by its type." },
    ),
  },
  {
    $id: 'Event',
    additionalProperties: true,
    description:
      'The same body as that of a webhook that is not thin. Further fields may be added: ignore those that you do not know.',
  },
);
export type StoredEvent = Static<typeof StoredEventSchema>;

const EventRef = Type.Unsafe<StoredEvent>({ $ref: 'Event#' });

export const EventReplySchema = replyOf('EventReply', EventRef, 'The event');

export const EventListSchema = listOf('EventList', EventRef, 'Events, newest first');

export const ListEventsQuerySchema = Type.Object(
  {
    type: Type.Optional({ ...EventTypeSchema, description: 'Only events of this type.' }),
    job_id: Type.Optional(
      Type.String({
        pattern: '^[0-9]{1,15}$',
        description: 'The `job_id` that the request was answered with.',
      }),
    ),
    payment_id: Type.Optional(
      Type.String({ pattern: PAYMENT_ID_PATTERN, description: 'Only events about this payment.' }),
    ),
    created_after: Type.Optional(
      Type.String({ format: 'date-time', description: 'Only events that happened later than this.' }),
    ),
    ...PAGE_QUERY,
  },
  { additionalProperties: false },
);
export type ListEventsQuery = Static<typeof ListEventsQuerySchema>;
