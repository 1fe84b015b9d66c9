import { type Static, Type } from '@sinclair/typebox';
import { nameOf, textsOf } from './parts.ts';

const Adapter = nameOf('The kind of EMR, as docs/emrs.md names it.', ['open-dental']);

const Connection = {
  base_url: Type.String({
    minLength: 1,
    maxLength: 2048,
    description: "The EMR's address.",
    examples: ['https://api.opendental.com/api/v1'],
  }),
  time_zone: nameOf(
    "The practice's time zone. It decides which day is today, the default of `deposit_date`.",
    ['America/New_York'],
  ),
  credentials: Type.Optional(
    textsOf('The credentials that the adapter takes. They are stored sealed, and no answer has them.', [
      { developer_key: '…', customer_key: '…' },
    ]),
  ),
  settings: Type.Optional(
    textsOf("The adapter's settings, as text: numbers and true or false too.", [{ practice_id: '000123' }]),
  ),
  concurrency: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 1000,
      description: 'Most postings to this EMR at the same time; by default 4.',
    }),
  ),
  rate_per_second: Type.Optional(
    Type.Number({
      format: 'double',
      minimum: 0.001,
      maximum: 1000,
      description: 'Most postings to this EMR in a second. Without it only the limits of the EMR hold.',
    }),
  ),
  share_emr_text: Type.Optional(
    Type.Boolean({
      description:
        "true: the integrator gets the EMR's own words, which can name a patient. Without it this stays as it is, at first false.",
    }),
  ),
  allow_plain_http: Type.Optional(
    Type.Boolean({
      description: 'true: take an http address of another machine, because the network between is protected.',
    }),
  ),
  check: Type.Optional(
    Type.Boolean({
      description:
        'false: save the connection without a call to the EMR. By default it is tried first, and saved only when it works.',
    }),
  ),
};

const example = {
  adapter: 'open-dental',
  base_url: 'https://api.opendental.com/api/v1',
  time_zone: 'America/New_York',
  credentials: { developer_key: '…', customer_key: '…' },
};

export const ConnectUserBodySchema = Type.Object(
  {
    client_id: nameOf('The client whose user it is.', ['ci_live_1J9X2q2eZvKYlo2CluR9g9gVabcdefgh']),
    name: nameOf('The name of the new user, for people.', ['Elm Street Dental']),
    adapter: Adapter,
    ...Connection,
  },
  {
    $id: 'ConnectUser',
    additionalProperties: false,
    description: 'A user to make, with its EMR connection.',
    examples: [
      { client_id: 'ci_live_1J9X2q2eZvKYlo2CluR9g9gVabcdefgh', name: 'Elm Street Dental', ...example },
    ],
  },
);

export const ChangeConnectionBodySchema = Type.Object(
  {
    adapter: Type.Optional({
      ...Adapter,
      description: `${Adapter.description} Without it the user keeps the one that it has.`,
    }),
    ...Connection,
    allow_other_practice: Type.Optional(
      Type.Boolean({
        description:
          'true: save it also where none of the patients to whom the last payments went is found, because it is meant to be another practice.',
      }),
    ),
  },
  {
    $id: 'ChangeConnection',
    additionalProperties: false,
    description:
      'The connection of a user, in place of the one that it has. Credentials and settings are given whole.',
    examples: [example],
  },
);

export type ChangeConnectionBody = Static<typeof ChangeConnectionBodySchema>;
