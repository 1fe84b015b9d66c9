import { type Static, Type } from '@sinclair/typebox';
import { DISABLED_CODES, type DisabledCode } from './endpoint-events.ts';
import { CURRENT_API_VERSION } from './payload-versions.ts';
import { listOf, nullable, PAGE_QUERY, replyOf, timeOf } from './replies.ts';

/** Every type of event that an endpoint can ask for. */
export const EVENT_TYPES = [
  'payment.created',
  'payment.failed',
  'payment.review_required',
  'endpoint.disabled',
] as const;

export type EventType = (typeof EVENT_TYPES)[number];

export const EventTypeSchema = Type.Unsafe<EventType>({ type: 'string', enum: [...EVENT_TYPES] });

const SigningSchema = Type.Unsafe<'v1' | 'v1a'>({
  type: 'string',
  enum: ['v1', 'v1a'],
  description:
    '`v1`: HMAC-SHA256 with a secret that both sides have. `v1a`: ed25519; you get the public key, which verifies and ' +
    'cannot sign.',
});

const Url = Type.String({
  minLength: 1,
  maxLength: 2048,
  description:
    'Where events are sent: https, a public address, port 443 or 8443, no user name or password. It is checked now and on ' +
    'every connection.',
  examples: ['https://hooks.example.com/emr-payments'],
});
const Description = Type.String({
  maxLength: 255,
  // Printable; one line.
  pattern: '^[^\\p{Cc}\\p{Cs}]*$',
  description: 'For you. Not sent anywhere.',
  examples: ['Production, front desk'],
});
const EventTypes = Type.Array(EventTypeSchema, {
  maxItems: EVENT_TYPES.length,
  uniqueItems: true,
  description: 'Only events of these types. Empty: every type, those to come as well.',
});
const Thin = Type.Boolean({
  description: 'Send `{id, type, created, payment_id}` alone: no patient data leaves this service.',
});
const RatePerSecond = Type.Number({
  minimum: 0.01,
  maximum: 1000,
  description:
    'At most so many deliveries a second, on average. Without it there is no limit but the 15 s deadline.',
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
  { $id: 'CreateWebhookEndpoint', additionalProperties: false },
);
export type CreateWebhookEndpointBody = Static<typeof CreateWebhookEndpointBodySchema>;

/** Body of `PATCH /v1/webhooks/{id}`: what is left out stays as it is. */
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
          'false: nothing more is sent, and what waits is canceled. true: a fresh start; `recoverable` in the answer says ' +
          'what was missed.',
      }),
    ),
  },
  { $id: 'UpdateWebhookEndpoint', additionalProperties: false },
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
          `For how long the old secret signs as well: 0 to 7 days, ${DEFAULT_OVERLAP_SECONDS} (a day) unless told. ` +
          '0 when it has leaked.',
      }),
    ),
  },
  { $id: 'RotateWebhookSecret', additionalProperties: false },
);
export type RotateSecretBody = Static<typeof RotateSecretBodySchema>;

/** One endpoint as reads show it. Secrets are shown once, where they are made. */
export const WebhookEndpointSchema = Type.Object(
  {
    id: Type.String({ examples: ['we_1J9X2q2eZvKYlo2CluR9g9gV'] }),
    url: Type.String(),
    description: nullable(Type.String()),
    event_types: Type.Array(Type.String(), { description: 'Empty: every type.' }),
    api_version: Type.String({
      description: 'The payload version that it registered with, and keeps.',
      examples: [CURRENT_API_VERSION],
    }),
    thin: Type.Boolean(),
    signing: SigningSchema,
    rate_per_second: nullable(Type.Number()),
    enabled: Type.Boolean(),
    disabled_at: nullable(timeOf('Since when nothing is sent.')),
    disabled_code: nullable(Type.Unsafe<DisabledCode>({ type: 'string', enum: Object.keys(DISABLED_CODES) })),
    disabled_reason: nullable(Type.String({ description: 'Why, in words for a person.' })),
    failing_since: nullable(
      timeOf('First failure of the present run of failures. After five days of them it is disabled.'),
    ),
    paused_until: nullable(
      timeOf(
        'After five failures in a row events wait here; then one goes as a probe, and on its success the others.',
      ),
    ),
    created_at: timeOf('When it was registered.'),
  },
  { $id: 'WebhookEndpoint' },
);
export type WebhookEndpoint = Static<typeof WebhookEndpointSchema>;

const SecretShown = {
  secret: Type.Optional(
    Type.String({
      description: 'With `v1`: what verifies the signatures. Shown now and never again.',
      examples: ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'],
    }),
  ),
  public_key: Type.Optional(
    Type.String({
      description: 'With `v1a`: what verifies the signatures. The secret key stays here.',
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
  Type.Object({ ...WebhookEndpointSchema.properties, ...SecretShown }),
  'The new endpoint, with its secret',
);

export const RotatedSecretReplySchema = replyOf(
  'WebhookSecretRotated',
  Type.Object({
    id: Type.String({ description: 'The endpoint.' }),
    ...SecretShown,
    old_valid_until: timeOf('Until then the old secret signs as well.'),
  }),
  'The new secret',
);

export const UpdatedWebhookEndpointReplySchema = replyOf(
  'WebhookEndpointUpdated',
  Type.Object({
    ...WebhookEndpointSchema.properties,
    recoverable: nullable(
      Type.Object(
        {
          since: timeOf('Give it to `POST /v1/webhooks/{id}/recover`.'),
          count: Type.Integer({
            description: 'Events of that time that the endpoint does not have; at most 10000 are counted.',
          }),
        },
        {
          description: 'What the endpoint missed, when it has just been enabled again and missed something.',
        },
      ),
    ),
  }),
  'The endpoint as it is now',
);

export const DeletedWebhookEndpointReplySchema = replyOf(
  'WebhookEndpointDeleted',
  Type.Object({ id: Type.String(), deleted: Type.Literal(true) }),
  'It is gone',
);

export const ListWebhooksQuerySchema = Type.Object({ ...PAGE_QUERY }, { additionalProperties: false });
export type ListWebhooksQuery = Static<typeof ListWebhooksQuerySchema>;
