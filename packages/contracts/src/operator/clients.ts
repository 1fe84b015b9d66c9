import { type Static, Type } from '@sinclair/typebox';
import { CLIENT_MODES, type ClientMode } from '../client-mode.ts';
import { listOf, nullable, replyOf, timeOf } from '../replies.ts';
import { AT, clientId, listExample, nameOf, refTo, replyExample, withExample } from './parts.ts';

const ModeSchema = Type.Unsafe<ClientMode>({
  title: 'ClientMode',
  type: 'string',
  enum: [...CLIENT_MODES],
  description:
    '`test`: its users have connections to sandboxes only. `live`: never to one. A client keeps its mode.',
});

export const OperatorClientSchema = Type.Object(
  {
    client_id: clientId,
    name: Type.String({ description: 'Its name, for people.', examples: ['Front Desk Software'] }),
    mode: ModeSchema,
    users: Type.Integer({ minimum: 0, description: 'Number of its users.' }),
    endpoints: Type.Integer({ minimum: 0, description: 'Number of its webhook endpoints.' }),
    valid_secrets: Type.Integer({
      minimum: 0,
      description: 'Number of its secrets that are valid: two during a rotation.',
    }),
    created_at: timeOf('When it was made.'),
    disabled_at: nullable(timeOf('Since when its credentials and those of its users are refused.')),
  },
  { $id: 'OperatorClient', description: 'An integrator.' },
);
export type OperatorClient = Static<typeof OperatorClientSchema>;

const client = {
  client_id: 'ci_live_1J9X2q2eZvKYlo2CluR9g9gVabcdefgh',
  name: 'Front Desk Software',
  mode: 'live',
  users: 12,
  endpoints: 1,
  valid_secrets: 1,
  created_at: AT,
  disabled_at: null,
};
const secret = {
  client_id: client.client_id,
  client_secret: 'cs_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
};

export const OperatorClientListSchema = withExample(
  listOf('OperatorClientList', refTo(OperatorClientSchema), 'Clients, newest first'),
  listExample('Clients.', client),
);
export const OperatorClientReplySchema = withExample(
  replyOf('OperatorClientReply', refTo(OperatorClientSchema), 'The client'),
  replyExample('Client.', client),
);

export const CreateClientBodySchema = Type.Object(
  {
    name: nameOf('Its name, for people; not unique.', ['Front Desk Software']),
    mode: Type.Optional(
      Type.Unsafe<ClientMode>({
        type: 'string',
        enum: [...CLIENT_MODES],
        description: '`test` for a client whose users have connections to sandboxes only; by default `live`.',
      }),
    ),
  },
  {
    $id: 'CreateClient',
    additionalProperties: false,
    description: 'A client to make.',
    examples: [{ name: 'Front Desk Software' }],
  },
);

const clientSecret = Type.String({
  description: 'The secret. It is in this answer only.',
  examples: [secret.client_secret],
});

export const CreatedClientReplySchema = withExample(
  replyOf(
    'OperatorClientCreated',
    Type.Object(
      {
        client_id: clientId,
        client_secret: clientSecret,
        name: Type.String({ description: 'As it was sent.' }),
        mode: ModeSchema,
      },
      { title: 'CreatedClient', description: 'A client with its first secret.' },
    ),
    'The client with its secret',
  ),
  replyExample('Client made.', { ...secret, name: client.name, mode: 'live' }),
);

export const RotatedClientSecretReplySchema = withExample(
  replyOf(
    'OperatorClientSecretRotated',
    Type.Object(
      {
        client_id: clientId,
        client_secret: clientSecret,
        old_valid_until: timeOf('Until when the secret before it is accepted as well.'),
      },
      { title: 'RotatedClientSecret', description: 'A new secret of a client.' },
    ),
    'The new secret',
  ),
  replyExample('The new secret is valid from now on.', { ...secret, old_valid_until: AT }),
);

export const SwitchedClientReplySchema = withExample(
  replyOf(
    'OperatorClientSwitched',
    Type.Object(
      { client_id: clientId, enabled: Type.Boolean({ description: 'False: its credentials are refused.' }) },
      { title: 'SwitchedClient', description: 'The state of a client after it was switched.' },
    ),
    'The state of the client now',
  ),
  replyExample('Client disabled.', { client_id: client.client_id, enabled: false }),
);
