import { type Static, Type } from '@sinclair/typebox';
import { EVENT_TYPES, EventTypeSchema } from './event-types.ts';
import { nullable, PAGE_QUERY } from './replies.ts';
import { textOf } from './text-rules.ts';

export const SigningSchema = Type.Unsafe<'v1' | 'v1a'>({
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

export const ListWebhooksQuerySchema = Type.Object({ ...PAGE_QUERY }, { additionalProperties: false });
