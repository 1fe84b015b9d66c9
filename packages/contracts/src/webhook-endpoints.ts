import { type Static, Type } from '@sinclair/typebox';
import { DISABLED_CODES, type DisabledCode } from './endpoint-events.ts';
import { CURRENT_API_VERSION } from './payload-versions.ts';
import { always, bigInteger, listOf, nullable, replyOf, timeOf } from './replies.ts';
import { SigningSchema } from './webhook-endpoint-bodies.ts';

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
        'The first failure since the last success, or since five days in which nothing was sent. After five days of failures the endpoint is disabled.',
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
      old_valid_until: timeOf(
        'The old secret signs as well until this time, unless a later rotation ends it earlier.',
      ),
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
