import { type Static, Type } from '@sinclair/typebox';
import { ConnectionHealthSchema } from '../connection-health.ts';
import { bigInteger, nullable, replyOf, timeOf } from '../replies.ts';
import { SyncSchema } from '../sync.ts';
import { clientId, nameOf, replyExample, textsOf, userId, withExample } from './parts.ts';

const USER = 'user_1J9X2q2eZvKYlo2Cxyz';

const Remarks = {
  remarks: Type.Array(Type.String(), {
    description: 'Sentences for you about what is not as good as it could be.',
  }),
  unusable: Type.Array(Type.String(), {
    description: "Entries of the EMR's lists that a payment cannot use, by name.",
  }),
};

export const ConnectedUserReplySchema = withExample(
  replyOf(
    'OperatorUserConnected',
    Type.Object(
      {
        user_id: userId,
        access_token: Type.String({
          description: 'Its access token. It is in this answer only.',
          examples: ['at_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'],
        }),
        ...Remarks,
      },
      { title: 'ConnectedUser', description: 'A user with its first access token.' },
    ),
    'The user with its access token',
  ),
  replyExample('User connected.', {
    user_id: USER,
    access_token: 'at_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
    remarks: [],
    unusable: [],
  }),
);

export const SavedConnectionReplySchema = withExample(
  replyOf(
    'OperatorConnectionSaved',
    Type.Object(
      { user_id: userId, ...Remarks },
      { title: 'SavedConnection', description: 'A connection that was saved.' },
    ),
    'The connection is saved',
  ),
  replyExample('Connection saved.', { user_id: USER, remarks: [], unusable: [] }),
);

export const OperatorConnectionReplySchema = withExample(
  replyOf(
    'OperatorConnectionReply',
    Type.Object(
      {
        user_id: userId,
        client_id: clientId,
        adapter: Type.String({ description: 'The kind of EMR.', examples: ['open-dental'] }),
        base_url: Type.String({ description: "The EMR's address." }),
        plain_http: Type.Boolean({ description: 'true: what is sent to the EMR can be read on the way.' }),
        login: Type.String({
          description:
            'How the login is: `static` (credentials that never change), `unused` (no token was fetched yet), `good`, `login_required` ' +
            '(the EMR has ended it, and payments wait), `unknown` (the connection cannot be opened here).',
          examples: ['good'],
        }),
        health: ConnectionHealthSchema,
        waiting: Type.Integer({
          minimum: 0,
          description: 'Payments that wait because the connection is broken; 0 while it is not.',
        }),
        time_zone: Type.String({ description: 'Of the practice.', examples: ['America/New_York'] }),
        settings: Type.Unsafe<Record<string, unknown>>({
          type: 'object',
          additionalProperties: true,
          description: 'Those that were given, and those that were read from the EMR. They are no secrets.',
        }),
        concurrency: Type.Integer({ minimum: 1, description: 'Most postings at the same time.' }),
        rate_per_second: nullable(
          Type.Number({
            format: 'double',
            description: 'Most postings in a second; null when only the EMR limits them.',
          }),
        ),
        share_emr_text: Type.Boolean({ description: "true: the integrator gets the EMR's own words." }),
        last_sync: nullable(
          Type.Object(
            {
              job_id: bigInteger({ description: 'The work on it.', examples: [12_346] }),
              status: Type.String({
                description: '`waiting`, `running`, `done`, `failed` or `canceled`.',
                examples: ['done'],
              }),
              ...SyncSchema.properties,
              created_at: timeOf('When it was started.'),
              ended_at: nullable(timeOf('When it ended; null while it waits or runs.')),
            },
            { title: 'LastSync', description: 'The last sync of patients and names; null: there was none.' },
          ),
        ),
        updated_at: timeOf('When the connection was changed last.'),
      },
      { title: 'OperatorConnection', description: 'An EMR connection, without its credentials.' },
    ),
    'The connection',
  ),
  replyExample('Connection.', {
    user_id: USER,
    client_id: 'ci_live_1J9X2q2eZvKYlo2CluR9g9gVabcdefgh',
    adapter: 'open-dental',
    base_url: 'https://api.opendental.com/api/v1',
    plain_http: false,
    login: 'static',
    health: {
      state: 'connected',
      since: '2026-06-15T10:30:00.000Z',
      last_success_at: '2026-06-15T10:30:00.000Z',
      last_trouble: null,
    },
    waiting: 0,
    time_zone: 'America/New_York',
    settings: {},
    concurrency: 4,
    rate_per_second: null,
    share_emr_text: false,
    last_sync: null,
    updated_at: '2026-06-15T10:30:00.000Z',
  }),
);

export const CheckedConnectionReplySchema = withExample(
  replyOf(
    'OperatorConnectionChecked',
    Type.Object(
      {
        user_id: userId,
        works: Type.Boolean({ description: 'false: `reason` says why.' }),
        reason: nullable(
          Type.String({
            description:
              "Which request failed and how, with the EMR's own words, which no integrator gets; null when the connection works.",
          }),
        ),
        capability: nullable(
          Type.String({
            description:
              'How a lost answer is resolved: `conditional-create`, `lookup` or `none`; null when it does not work.',
          }),
        ),
        payment_methods: nullable(
          Type.Integer({ description: 'Number of names; null where every name is taken.' }),
        ),
        locations: nullable(
          Type.Integer({ description: 'Number of names; null where every name is taken.' }),
        ),
        changed: Type.Array(Type.String(), { description: 'Settings that the EMR now states otherwise.' }),
        ...Remarks,
      },
      { title: 'CheckedConnection', description: 'The result of trying a connection.' },
    ),
    'The result. Nothing was written in the EMR',
  ),
  replyExample('The connection works.', {
    user_id: USER,
    works: true,
    reason: null,
    capability: 'lookup',
    payment_methods: 6,
    locations: 2,
    changed: [],
    remarks: [],
    unusable: [],
  }),
);
