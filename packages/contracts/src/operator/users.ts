import { type Static, Type } from '@sinclair/typebox';
import { bigInteger, listOf, nullable, PAGE_QUERY, replyOf, timeOf } from '../replies.ts';
import { AT, clientId, filterOf, listExample, refTo, replyExample, userId, withExample } from './parts.ts';

const USER = 'user_1J9X2q2eZvKYlo2Cxyz';

export const OperatorUserSchema = Type.Object(
  {
    user_id: userId,
    client_id: clientId,
    name: Type.String({ description: 'Its name, for people.', examples: ['Elm Street Dental'] }),
    adapter: nullable(
      Type.String({
        description: 'The kind of its EMR; null: it has no connection.',
        examples: ['open-dental'],
      }),
    ),
    base_url: nullable(Type.String({ description: "The EMR's address." })),
    time_zone: nullable(Type.String({ description: 'Of the practice.', examples: ['America/New_York'] })),
    connection_state: nullable(
      Type.String({
        description:
          'How its connection is: `connected`, `degraded`, `login_required` or `unreachable`; null: it has none.',
        examples: ['connected'],
      }),
    ),
    valid_tokens: Type.Integer({ minimum: 0, description: 'Number of its access tokens that are valid.' }),
    created_at: timeOf('When it was made.'),
    disabled_at: nullable(timeOf('Since when its access tokens are refused.')),
  },
  { $id: 'OperatorUser', description: 'One practice login that a client connected.' },
);
export type OperatorUser = Static<typeof OperatorUserSchema>;

const user = {
  user_id: USER,
  client_id: 'ci_live_1J9X2q2eZvKYlo2CluR9g9gVabcdefgh',
  name: 'Elm Street Dental',
  adapter: 'open-dental',
  base_url: 'https://api.opendental.com/api/v1',
  time_zone: 'America/New_York',
  connection_state: 'connected',
  valid_tokens: 1,
  created_at: AT,
  disabled_at: null,
};

export const OperatorUserListSchema = withExample(
  listOf('OperatorUserList', refTo(OperatorUserSchema), 'Users, newest first'),
  listExample('Users.', user),
);
export const OperatorUserReplySchema = withExample(
  replyOf('OperatorUserReply', refTo(OperatorUserSchema), 'The user'),
  replyExample('User.', user),
);
export const ListUsersQuerySchema = Type.Object(
  { client_id: filterOf('Only users of this client.'), ...PAGE_QUERY },
  { additionalProperties: false },
);

export const RotatedAccessTokenReplySchema = withExample(
  replyOf(
    'OperatorAccessTokenRotated',
    Type.Object(
      {
        user_id: userId,
        access_token: Type.String({
          description: 'The new access token. It is in this answer only.',
          examples: ['at_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'],
        }),
        old_valid_until: timeOf('Until when the token before it is accepted as well.'),
      },
      { title: 'RotatedAccessToken', description: 'A new access token of a user.' },
    ),
    'The new access token',
  ),
  replyExample('The new access token is valid from now on.', {
    user_id: USER,
    access_token: 'at_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
    old_valid_until: AT,
  }),
);

export const SwitchedUserReplySchema = withExample(
  replyOf(
    'OperatorUserSwitched',
    Type.Object(
      { user_id: userId, enabled: Type.Boolean({ description: 'False: its access tokens are refused.' }) },
      { title: 'SwitchedUser', description: 'The state of a user after it was switched.' },
    ),
    'The state of the user now',
  ),
  replyExample('User disabled.', { user_id: USER, enabled: false }),
);

export const StartSyncBodySchema = Type.Object(
  {
    full: Type.Optional(
      Type.Boolean({
        description: 'true: read all patients, also where the EMR can list what has changed.',
      }),
    ),
  },
  {
    $id: 'OperatorStartSync',
    additionalProperties: false,
    description: 'How much is read.',
    examples: [{ full: true }],
  },
);
export const StartedSyncReplySchema = withExample(
  replyOf(
    'OperatorSyncStarted',
    Type.Object(
      {
        user_id: userId,
        job_id: bigInteger({ description: 'The work on it.', examples: [12_346] }),
        started: Type.Boolean({ description: 'false: this sync was waiting or running before.' }),
        raised: Type.Boolean({
          description:
            'true: this sync was waiting or running before to read what has changed, and reads all patients now, as `full` has it.',
        }),
      },
      { title: 'StartedSync', description: 'A sync that waits or runs.' },
    ),
    'A sync waits or runs. The connection shows how far it is',
  ),
  replyExample('Sync started.', { user_id: USER, job_id: 12_346, started: true, raised: false }),
);

export const NoticeAddressBodySchema = Type.Object(
  {
    rotate: Type.Optional(
      Type.Boolean({
        description: 'true: a user that has an address gets another one; the former one ends at once.',
      }),
    ),
  },
  {
    $id: 'GiveNoticeAddress',
    additionalProperties: false,
    description: 'An address for the notices of an EMR.',
    examples: [{ rotate: true }],
  },
);
export const NoticeAddressReplySchema = withExample(
  replyOf(
    'OperatorNoticeAddress',
    Type.Object(
      {
        user_id: userId,
        path: Type.String({
          description:
            'The path, which holds a secret: put the address of the API in front of it. It is in this answer only.',
          examples: ['/v1/emr-notices/en_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'],
        }),
        replaced: Type.Boolean({ description: 'true: a former address has ended.' }),
      },
      { title: 'NoticeAddress', description: 'Where the EMR of a user sends its notices.' },
    ),
    'The address',
  ),
  replyExample('Give it to the EMR, and to nobody else.', {
    user_id: USER,
    path: '/v1/emr-notices/en_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
    replaced: false,
  }),
);
