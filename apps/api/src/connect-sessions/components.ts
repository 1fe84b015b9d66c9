import {
  ConnectSessionReplySchema,
  ConnectTokenReplySchema,
  CreateConnectSessionBodySchema,
  CreatedConnectSessionReplySchema,
} from '@emr-payments/contracts';

const ID = 'cs_1J9X2q2eZvKYlo2CluR9g9gV';
const USER = 'user_1J9X2q2eZvKYlo2CluR9g9gV';
const RETURN_URL = 'https://app.example.com/emr/connected';
const EXPIRES = '2026-06-15T10:45:00.000Z';

const reply = (message: string, data: unknown) => ({ success: true, message, data });

/** The document's components for connect sessions: each schema with an example. */
export const CONNECT_COMPONENTS = [
  { ...CreateConnectSessionBodySchema, examples: [{ return_url: RETURN_URL }] },
  {
    ...CreatedConnectSessionReplySchema,
    examples: [
      reply('Connect session created.', {
        id: ID,
        url: 'https://payments.example.com/connect#cl_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
        expires_at: EXPIRES,
      }),
    ],
  },
  {
    ...ConnectSessionReplySchema,
    examples: [
      reply('Connect session.', {
        id: ID,
        state: 'connected',
        user_id: USER,
        renews: false,
        adapter: null,
        return_url: RETURN_URL,
        token_given: false,
        created_at: '2026-06-15T10:30:00.000Z',
        expires_at: EXPIRES,
        ended_at: '2026-06-15T10:34:12.345Z',
      }),
    ],
  },
  {
    ...ConnectTokenReplySchema,
    examples: [
      reply('Keep the access token: it is shown only now.', {
        user_id: USER,
        access_token: 'at_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
      }),
    ],
  },
];
