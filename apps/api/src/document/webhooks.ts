import {
  ConnectionBrokenEventSchema,
  ConnectionRestoredEventSchema,
  connectionBrokenEvent,
  connectionRestoredEvent,
  DISABLED_CODES,
  EndpointDisabledEventSchema,
  endpointDisabledEvent,
  PaymentCreatedEventSchema,
  PaymentFailedEventSchema,
  PaymentReviewEventSchema,
  paymentCreatedEvent,
  paymentFailedEvent,
  paymentReviewEvent,
  sentence,
  UserConnectedEventSchema,
  userConnectedEvent,
  WebhookTestEventSchema,
  webhookTestEvent,
} from '@emr-payments/contracts';

const PAYMENT_ID = '123e4567e89b12d3a456426614174001';
const USER = 'user_1J9X2q2eZvKYlo2Cxyz';
const JOB = 12345;
const ENDPOINT_ID = 'we_1J9X2q2eZvKYlo2CluR9g9gV';

/** Every event with its schema and an example. The examples of the first two are the published ones. */
export const EVENTS = [
  {
    schema: PaymentCreatedEventSchema,
    summary: 'Payment posted',
    example: paymentCreatedEvent({
      eventId: 'evt_1J9X2q2eZvKYlo2CluR9g9gV',
      round: 1,
      userPublicId: USER,
      created: new Date('2026-06-15T10:30:00Z'),
      jobId: JOB,
      payment: {
        paymentId: PAYMENT_ID,
        emrTransactionId: '13969262',
        paymentMethod: 'Card',
        amount: '350.00',
        referenceNumber: '#123456',
        patientMrn: 'MRN-12345',
      },
    }),
  },
  {
    schema: PaymentFailedEventSchema,
    summary: 'Payment failed',
    example: paymentFailedEvent({
      eventId: 'evt_1J9X2q2eZvKYlo2CluR9g9gW',
      round: 1,
      userPublicId: USER,
      created: new Date('2026-06-15T10:35:00Z'),
      jobId: JOB,
      payment: { paymentId: PAYMENT_ID, failureReason: 'Failed to post payment' },
    }),
  },
  {
    schema: PaymentReviewEventSchema,
    summary: 'Payment needs review',
    example: paymentReviewEvent({
      eventId: 'evt_1J9X2q2eZvKYlo2CluR9g9gX',
      round: 1,
      userPublicId: USER,
      created: new Date('2026-06-15T10:40:00Z'),
      jobId: JOB,
      payment: {
        paymentId: PAYMENT_ID,
        reviewReason: 'The EMR did not answer and cannot be asked whether it has the payment.',
      },
    }),
  },
  {
    schema: EndpointDisabledEventSchema,
    summary: 'Webhook endpoint disabled',
    example: endpointDisabledEvent({
      eventId: 'evt_1J9X2q2eZvKYlo2CluR9g9gY',
      created: new Date('2026-06-15T10:45:00Z'),
      endpointId: ENDPOINT_ID,
      code: 'gone',
      reason: DISABLED_CODES.gone,
    }),
  },
  {
    schema: ConnectionBrokenEventSchema,
    summary: 'Connection broken',
    example: connectionBrokenEvent({
      eventId: 'evt_1J9X2q2eZvKYlo2CluR9g9ga',
      created: new Date('2026-06-15T10:46:00Z'),
      userPublicId: USER,
      state: 'login_required',
      code: 'unauthorized',
      reason: sentence`The EMR rejected our credentials (HTTP 401).`,
      since: new Date('2026-06-15T10:46:00Z'),
      sequence: 1,
    }),
  },
  {
    schema: ConnectionRestoredEventSchema,
    summary: 'Connection restored',
    example: connectionRestoredEvent({
      eventId: 'evt_1J9X2q2eZvKYlo2CluR9g9gb',
      created: new Date('2026-06-15T10:48:00Z'),
      userPublicId: USER,
      code: 'unauthorized',
      reason: sentence`The EMR accepts the credentials again.`,
      since: new Date('2026-06-15T10:48:00Z'),
      sequence: 2,
    }),
  },
  {
    schema: UserConnectedEventSchema,
    summary: 'User connected',
    example: userConnectedEvent({
      eventId: 'evt_1J9X2q2eZvKYlo2CluR9g9gc',
      created: new Date('2026-06-15T10:49:00Z'),
      userPublicId: USER,
      connectSessionId: 'cs_1J9X2q2eZvKYlo2CluR9g9gV',
    }),
  },
  {
    schema: WebhookTestEventSchema,
    summary: 'Test of a webhook endpoint',
    example: webhookTestEvent({
      eventId: 'evt_1J9X2q2eZvKYlo2CluR9g9gZ',
      created: new Date('2026-06-15T10:50:00Z'),
      endpointId: ENDPOINT_ID,
    }),
  },
] as const;

const header = (name: string, description: string) => ({
  name,
  in: 'header' as const,
  required: true,
  description,
  schema: { type: 'string' as const },
});

/** Makes the `webhooks` section of the OpenAPI document: the requests that an integrator's endpoint receives. */
export function webhooks() {
  return Object.fromEntries(
    EVENTS.map(({ schema, summary, example }) => [
      example.type,
      {
        post: {
          // By this openapi-generator makes no method of it: it is a request that the client receives.
          'x-internal': true,
          operationId: `on${schema.$id}`,
          summary,
          description: `${schema.description}\n\nSigned according to [Standard Webhooks](https://www.standardwebhooks.com) 1.0.0.`,
          // The signature authenticates the sender; the API's credentials are not used here.
          security: [],
          parameters: [
            header('webhook-id', 'Id of the event, the same in every attempt. Use it to recognise repeats.'),
            header('webhook-timestamp', 'When this attempt was made, in seconds since 1970.'),
            header(
              'webhook-signature',
              '`v1,` and base64 of HMAC-SHA256 over `id.timestamp.body`, or `v1a,` and base64 of an ed25519 signature, as the endpoint was registered; several, separated by blanks, while a secret is rotated.',
            ),
          ],
          requestBody: {
            required: true,
            content: {
              'application/json': { schema: { $ref: `#/components/schemas/${schema.$id}` }, example },
            },
          },
          responses: {
            '2XX': {
              description: 'Received. After any other answer the event is sent again, for about three days.',
            },
          },
        },
      },
    ]),
  );
}
