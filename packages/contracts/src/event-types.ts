import { Type } from '@sinclair/typebox';

/** Every type of event that an endpoint can subscribe to. */
export const EVENT_TYPES = [
  'payment.created',
  'payment.failed',
  'payment.review_required',
  'endpoint.disabled',
  'connection.broken',
  'connection.restored',
  'user.connected',
] as const;

export type EventType = (typeof EVENT_TYPES)[number];

export const EventTypeSchema = Type.Unsafe<EventType>({
  title: 'EventType',
  type: 'string',
  enum: [...EVENT_TYPES],
  description: 'A type of event.',
});
