import { type Static, Type } from '@sinclair/typebox';
import { DISABLED_CODES, type DisabledCode } from './endpoint-events.ts';
import { CURRENT_API_VERSION } from './payload-versions.ts';
import { always, bigInteger, listOf, nullable, PAGE_QUERY, replyOf, timeOf } from './replies.ts';
import { textOf } from './text-rules.ts';

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

const SigningSchema = Type.Unsafe<'v1' | 'v1a'>({
  title: 'WebhookSigning',
  type: 'string',
  enum: ['v1', 'v1a'],
  description:
    '`v1`: HMAC-SHA256 with a secret that both sides have. `v1a`: ed25519; you get the public key, which can verify but ' +
    'not sign.',
});

const Url = Type.String({
  minLength: 1,
  maxLength: 2048,
  description:
    'Where events are sent: https, a public address, port 443 or 8443, no user name or password. The address is checked ' +
    'at registration and again on every connection.',
  examples: ['https://hooks.example.com/emr-payments'],
});
const Description = Type.String({
  maxLength: 255,
  ...textOf('label'),
  description: 'One line of text for your own use. It is not sent anywhere.',
  examples: ['Production, front desk'],
});
const EventTypes = Type.Array(EventTypeSchema, {
  maxItems: EVENT_TYPES.length,
  uniqueItems: true,
  description: 'Only events of these types. Empty: every type, including future ones.',
});
const Thin = Type.Boolean({
  description:
    'Send only `{id, type, created, payment_id, sequence}`, and `access_token_reference_id` where the event is about a user and ' +
    'no payment: no patient data leaves this service.',
});
const RatePerSecond = Type.Number({
  format: 'double',
  minimum: 0.01,
  maximum: 1000,
  description:
    'Maximum of deliveries per second, on average. Without it only the 15 s deadline of each limits them.',
});

/** Body of `POST /v1/webhooks`. */
export const CreateWebhookEndpointBodySchema = Type.Object(
  {
    url: Url,
    description: Type.Optional(Description),
    event_types: Type.Optional(EventTypes),
    thin: Type.Optional(Thin),
    signing: Type.Optional(SigningSchema),
    rate_per_second: Type.Optional(RatePerSecond),
  },
  {
    $id: 'CreateWebhookEndpoint',
    additionalProperties: false,
    description: 'A webhook endpoint to register.',
  },
);
export type CreateWebhookEndpointBody = Static<typeof CreateWebhookEndpointBodySchema>;

/** Body of `PATCH /v1/webhooks/{id}`: a field that is left out stays as it is. */
export const UpdateWebhookEndpointBodySchema = Type.Object(
  {
    url: Type.Optional(Url),
    description: Type.Optional(nullable(Description)),
    event_types: Type.Optional(EventTypes),
    thin: Type.Optional(Thin),
    rate_per_second: Type.Optional(nullable(RatePerSecond)),
    enabled: Type.Optional(
      Type.Boolean({
        description:
          'false: nothing more is sent, and pending deliveries are canceled. true: deliveries start afresh; `recoverable` in ' +
          'the answer counts the events that were missed.',
      }),
    ),
  },
  {
    $id: 'UpdateWebhookEndpoint',
    additionalProperties: false,
    description: 'What to change; a field that is left out stays as it is.',
  },
);
export type UpdateWebhookEndpointBody = Static<typeof UpdateWebhookEndpointBodySchema>;

export const DEFAULT_OVERLAP_SECONDS = 86_400;

/** Body of `POST /v1/webhooks/{id}/rotate-secret`. */
export const RotateSecretBodySchema = Type.Object(
  {
    overlap_seconds: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 604_800,
        description:
          `How long the old secret signs as well: 0 to 7 days, by default ${DEFAULT_OVERLAP_SECONDS} (a day). ` +
          'Use 0 when it has leaked.',
      }),
    ),
  },
  {
    $id: 'RotateWebhookSecret',
    additionalProperties: false,
    description: 'How the old secret is replaced.',
  },
);
export type RotateSecretBody = Static<typeof RotateSecretBodySchema>;

/** One endpoint as reads show it. A secret is shown once, in the answer to the request that made it. */
export const WebhookEndpointSchema = Type.Object(
  {
    id: Type.String({ description: 'Id of the endpoint.', examples: ['we_1J9X2q2eZvKYlo2CluR9g9gV'] }),
    url: Type.String({ description: 'Where events are sent.' }),
    description: nullable(Type.String({ description: 'Your own text, when there is one.' })),
    event_types: Type.Array(Type.String(), { description: 'Empty: every type.' }),
    api_version: Type.String({
      description: 'The payload version that it registered with. It never changes.',
      examples: [CURRENT_API_VERSION],
    }),
    thin: Type.Boolean({ description: 'Only `{id, type, created, payment_id, sequence}` is sent.' }),
    signing: SigningSchema,
    rate_per_second: nullable(
      Type.Number({
        format: 'double',
        description: 'Maximum of deliveries per second; null when there is none.',
      }),
    ),
    enabled: Type.Boolean({ description: 'false: nothing is sent.' }),
    disabled_at: nullable(timeOf('The time from which on nothing is sent.')),
    disabled_code: nullable(
      Type.Unsafe<DisabledCode>({
        type: 'string',
        description: `Why nothing is sent: ${Object.keys(DISABLED_CODES).join(', ')}. New codes may be added.`,
      }),
    ),
    disabled_reason: nullable(Type.String({ description: 'Why, in words for a person.' })),
    failing_since: nullable(
      timeOf(
        'The first failure since the last success. After five days of failures the endpoint is disabled.',
      ),
    ),
    paused_until: nullable(
      timeOf(
        'After five failures in a row events wait until this time. Then one is sent as a probe; if it succeeds, the others follow.',
      ),
    ),
    created_at: timeOf('When it was registered.'),
  },
  { $id: 'WebhookEndpoint', description: 'An endpoint that receives your events.' },
);
export type WebhookEndpoint = Static<typeof WebhookEndpointSchema>;

const SecretShown = {
  secret: Type.Optional(
    Type.String({
      description: 'With `v1`: the secret that verifies the signatures. It is shown in this answer only.',
      examples: ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'],
    }),
  ),
  public_key: Type.Optional(
    Type.String({
      description:
        'With `v1a`: the key that verifies the signatures. The secret key never leaves this service.',
      examples: ['whpk_NAT9qhvbi6zmGTBbFOkiK1RTbd6zlHtFHvWmNzGYSEM='],
    }),
  ),
};

const EndpointRef = Type.Unsafe<WebhookEndpoint>({ $ref: 'WebhookEndpoint#' });

export const WebhookEndpointReplySchema = replyOf('WebhookEndpointReply', EndpointRef, 'The endpoint');

export const WebhookEndpointListSchema = listOf(
  'WebhookEndpointList',
  EndpointRef,
  'Endpoints, newest first',
);

export const CreatedWebhookEndpointReplySchema = replyOf(
  'WebhookEndpointCreated',
  Type.Object(
    { ...WebhookEndpointSchema.properties, ...SecretShown },
    { title: 'WebhookEndpointWithSecret', description: 'A new endpoint, with its secret.' },
  ),
  'The new endpoint, with its secret',
);

export const RotatedSecretReplySchema = replyOf(
  'WebhookSecretRotated',
  Type.Object(
    {
      id: Type.String({ description: 'The endpoint.' }),
      ...SecretShown,
      old_valid_until: timeOf('The old secret signs as well until this time.'),
    },
    { title: 'WebhookSecret', description: 'The new secret of an endpoint.' },
  ),
  'The new secret',
);

export const UpdatedWebhookEndpointReplySchema = replyOf(
  'WebhookEndpointUpdated',
  Type.Object(
    {
      ...WebhookEndpointSchema.properties,
      recoverable: nullable(
        Type.Object(
          {
            since: timeOf('The `since` for `POST /v1/webhooks/{id}/recover`.'),
            count: bigInteger({
              description:
                'Events that the endpoint did not get, among the first 10000 since then. Later ones are not counted, so it can be ' +
                '0; a recovery sends all of them.',
            }),
          },
          {
            title: 'RecoverableEvents',
            description:
              'The events that the endpoint missed, when this request enabled it again; null when there are none.',
          },
        ),
      ),
    },
    { title: 'ChangedWebhookEndpoint', description: 'An endpoint after a change.' },
  ),
  'The endpoint as it is now',
);

export const DeletedWebhookEndpointReplySchema = replyOf(
  'WebhookEndpointDeleted',
  Type.Object(
    { id: Type.String({ description: 'The endpoint.' }), deleted: always(true) },
    { title: 'DeletedWebhookEndpoint', description: 'An endpoint that is deleted.' },
  ),
  'The endpoint is deleted',
);

export const ListWebhooksQuerySchema = Type.Object({ ...PAGE_QUERY }, { additionalProperties: false });
export type ListWebhooksQuery = Static<typeof ListWebhooksQuerySchema>;
