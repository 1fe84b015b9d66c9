import { type Static, Type } from '@sinclair/typebox';
import { nullable, replyOf, timeOf } from './replies.ts';

export const CONNECT_SESSION_STATES = ['open', 'connected', 'canceled', 'expired'] as const;

const UserId = (description: string) =>
  Type.String({ description, examples: ['user_1J9X2q2eZvKYlo2CluR9g9gV'] });

/** Body of `POST /v1/connect-sessions`. */
export const CreateConnectSessionBodySchema = Type.Object(
  {
    return_url: Type.String({
      minLength: 1,
      maxLength: 2048,
      description:
        'Where the browser goes at the end, with `connect_session_id` and `status` (`connected` or `canceled`) added to its query. ' +
        'It must be one that the operator has registered for you, letter by letter.',
      examples: ['https://app.example.com/emr/connected'],
    }),
    adapter: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 64,
        description:
          'The only EMR that the person may choose, such as `drchrono`. Without it the person chooses. Not together with `user_id`.',
        examples: ['drchrono'],
      }),
    ),
    user_id: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 64,
        description:
          'One of your users whose login is broken: the session renews the credentials of its connection. The user keeps its id, its ' +
          'access token and its payments.',
        examples: ['user_1J9X2q2eZvKYlo2CluR9g9gV'],
      }),
    ),
  },
  {
    $id: 'CreateConnectSession',
    additionalProperties: false,
    description: 'A link by which a practice connects its EMR.',
  },
);
export type CreateConnectSessionBody = Static<typeof CreateConnectSessionBodySchema>;

const SESSION = {
  id: Type.String({ description: 'Id of the session.', examples: ['cs_1J9X2q2eZvKYlo2CluR9g9gV'] }),
  state: Type.Unsafe<(typeof CONNECT_SESSION_STATES)[number]>({
    title: 'ConnectSessionState',
    type: 'string',
    enum: [...CONNECT_SESSION_STATES],
    description:
      '`open`: the person has not finished. `connected`: the practice is connected. `canceled`: the person gave up. `expired`: the ' +
      'time was over first. Only `open` changes.',
  }),
  user_id: nullable(
    UserId('The user that was connected, or whose login is renewed; null while there is none.'),
  ),
  renews: Type.Boolean({ description: 'The session renews the login of a user, whose access token stays.' }),
  adapter: nullable(Type.String({ description: 'The only EMR that the person may choose; null: any.' })),
  return_url: Type.String({ description: 'Where the browser goes at the end.' }),
  token_given: Type.Boolean({
    description: 'The access token has been given out: by `POST …/token`, or before this session.',
  }),
  created_at: timeOf('When the session was created.'),
  expires_at: timeOf('Until when the person can finish.'),
  ended_at: nullable(timeOf('When it was connected or canceled; null otherwise.')),
};

export const ConnectSessionSchema = Type.Object(SESSION, {
  title: 'ConnectSession',
  description: 'One use of the connect page.',
});
export type ConnectSession = Static<typeof ConnectSessionSchema>;

export const ConnectSessionReplySchema = replyOf(
  'ConnectSessionReply',
  ConnectSessionSchema,
  'A connect session.',
);

export const CreatedConnectSessionReplySchema = replyOf(
  'ConnectSessionCreated',
  Type.Object(
    {
      id: SESSION.id,
      url: Type.String({
        description:
          'The link, for the person at the practice. It can be used once, for 15 minutes; what follows `#` is secret. Send the browser ' +
          'there; do not put it into logs.',
        examples: ['https://payments.example.com/connect#cl_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'],
      }),
      expires_at: SESSION.expires_at,
    },
    { title: 'ConnectLink', description: 'A link by which a practice connects its EMR.' },
  ),
  'A new connect session; only this answer contains its link.',
);

export const ConnectTokenReplySchema = replyOf(
  'ConnectTokenReply',
  Type.Object(
    {
      user_id: UserId('The user that was connected.'),
      access_token: Type.String({
        description:
          'The access token of the user, for the header `access_token`. Only this answer contains it.',
        examples: ['at_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'],
      }),
    },
    { title: 'ConnectedUserToken', description: 'A user and its access token.' },
  ),
  'The access token of the user that a session has connected.',
);
