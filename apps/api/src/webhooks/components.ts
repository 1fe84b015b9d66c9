import {
  CreatedWebhookEndpointReplySchema,
  CreateWebhookEndpointBodySchema,
  DeletedWebhookEndpointReplySchema,
  DeliveryListSchema,
  DeliverySchema,
  EventListSchema,
  EventReplySchema,
  paymentCreatedEvent,
  RecoverBodySchema,
  RecoveryReplySchema,
  RecoverySchema,
  RedeliverBodySchema,
  RedeliverReplySchema,
  RotatedSecretReplySchema,
  RotateSecretBodySchema,
  StoredEventSchema,
  TestWebhookReplySchema,
  UpdatedWebhookEndpointReplySchema,
  UpdateWebhookEndpointBodySchema,
  WebhookEndpointListSchema,
  WebhookEndpointReplySchema,
  WebhookEndpointSchema,
} from '@emr-payments/contracts';

const AT = '2026-06-15T10:30:00.000Z';
const ENDPOINT_ID = 'we_1J9X2q2eZvKYlo2CluR9g9gV';
const EVENT_ID = 'evt_1J9X2q2eZvKYlo2CluR9g9gV';

const endpoint = {
  id: ENDPOINT_ID,
  url: 'https://hooks.example.com/emr-payments',
  description: 'Production',
  event_types: ['payment.created', 'payment.failed'],
  api_version: '2026-06-01',
  thin: false,
  signing: 'v1',
  rate_per_second: null,
  enabled: true,
  disabled_at: null,
  disabled_code: null,
  disabled_reason: null,
  failing_since: null,
  paused_until: null,
  created_at: AT,
};
const event = paymentCreatedEvent({
  eventId: EVENT_ID,
  round: 1,
  userPublicId: 'user_1J9X2q2eZvKYlo2Cxyz',
  created: new Date(AT),
  jobId: 12345,
  payment: {
    paymentId: '123e4567e89b12d3a456426614174001',
    emrTransactionId: '13969262',
    paymentMethod: 'Card',
    amount: '350.00',
    referenceNumber: '#123456',
    patientMrn: 'MRN-12345',
  },
});
const attempt = { http_status: 500, duration_ms: 84, error_kind: 'http_status', excerpt: 'Internal error' };
const delivery = {
  id: 4711,
  event_id: EVENT_ID,
  event_type: 'payment.created',
  status: 'pending',
  created_at: AT,
  finished_at: null,
  next_attempt_at: '2026-06-15T10:30:05.000Z',
  attempt_count: 1,
  attempts: [{ number: 1, started_at: AT, ...attempt }],
};
const recovery = {
  id: 'rec_1J9X2q2eZvKYlo2CluR9g9gV',
  endpoint_id: ENDPOINT_ID,
  since: '2026-06-14T00:00:00.000Z',
  until: AT,
  state: 'running',
  status: 'running',
  total: null,
  found: 240,
  searched_until: '2026-06-14T17:04:31.250Z',
  done: 60,
  delivered: 59,
  failed: 1,
  more: false,
  created_at: AT,
};

const reply = (message: string, data: unknown) => ({ success: true, message, data });
const list = (message: string, item: unknown) => ({
  ...reply(message, [item]),
  has_more: false,
  next_cursor: null,
});
const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

/** The document's components for the routes for webhooks and events: each schema with an example. */
export const WEBHOOK_COMPONENTS = [
  {
    ...CreateWebhookEndpointBodySchema,
    examples: [{ url: endpoint.url, description: 'Production', event_types: endpoint.event_types }],
  },
  { ...UpdateWebhookEndpointBodySchema, examples: [{ enabled: true }] },
  { ...RotateSecretBodySchema, examples: [{ overlap_seconds: 86_400 }] },
  { ...RecoverBodySchema, examples: [{ since: '2026-06-14T00:00:00Z' }] },
  { ...RedeliverBodySchema, examples: [{ endpoint_id: ENDPOINT_ID }] },
  { ...WebhookEndpointSchema, examples: [endpoint] },
  { ...DeliverySchema, examples: [delivery] },
  { ...RecoverySchema, examples: [recovery] },
  { ...StoredEventSchema, examples: [event] },
  { ...WebhookEndpointReplySchema, examples: [reply('Webhook endpoint.', endpoint)] },
  { ...WebhookEndpointListSchema, examples: [list('Webhook endpoints.', endpoint)] },
  {
    ...CreatedWebhookEndpointReplySchema,
    examples: [reply('Webhook endpoint registered.', { ...endpoint, secret })],
  },
  {
    ...UpdatedWebhookEndpointReplySchema,
    examples: [reply('Webhook endpoint changed.', { ...endpoint, recoverable: { since: AT, count: 12 } })],
  },
  {
    ...DeletedWebhookEndpointReplySchema,
    examples: [reply('Webhook endpoint deleted.', { id: ENDPOINT_ID, deleted: true })],
  },
  {
    ...RotatedSecretReplySchema,
    examples: [reply('The new secret signs from now on.', { id: ENDPOINT_ID, secret, old_valid_until: AT })],
  },
  {
    ...TestWebhookReplySchema,
    examples: [
      reply('The endpoint did not take the test.', {
        delivered: false,
        event_id: EVENT_ID,
        ...attempt,
        detail: 'HTTP 500',
      }),
    ],
  },
  { ...DeliveryListSchema, examples: [list('Deliveries.', delivery)] },
  { ...RecoveryReplySchema, examples: [reply('Recovery.', recovery)] },
  {
    ...RedeliverReplySchema,
    examples: [reply('On its way again.', { event_id: EVENT_ID, endpoint_ids: [ENDPOINT_ID] })],
  },
  { ...EventReplySchema, examples: [reply('Event.', event)] },
  { ...EventListSchema, examples: [list('Events.', event)] },
];
