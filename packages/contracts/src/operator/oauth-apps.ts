import { type Static, Type } from '@sinclair/typebox';
import { listOf, nullable, replyOf } from '../replies.ts';
import { listExample, nameOf, refTo, replyExample, withExample } from './parts.ts';

const example = {
  adapter: 'drchrono',
  base_url: 'https://app.drchrono.com',
  authorize_url: 'https://drchrono.com/o/authorize/',
  token_url: 'https://drchrono.com/o/token/',
  client_id: 'ba6Xw1f0fIRk',
  scopes: 'billing:patient-payment:read billing:patient-payment:write patients:read',
};

const adapter = Type.String({ description: 'The kind of EMR.', examples: [example.adapter] });
const baseUrl = Type.String({ description: "The address of the EMR's API.", examples: [example.base_url] });

export const OauthAppSchema = Type.Object(
  {
    adapter,
    base_url: baseUrl,
    authorize_url: nullable(
      Type.String({
        description: 'Where a person logs in; null: each server publishes it.',
        examples: [example.authorize_url],
      }),
    ),
    token_url: nullable(
      Type.String({
        description: 'Where the code is exchanged; null: each server publishes it.',
        examples: [example.token_url],
      }),
    ),
    client_id: Type.String({
      description: 'The id of the application at the EMR.',
      examples: [example.client_id],
    }),
    scopes: Type.String({ description: 'Rights that it asks for, separated by blanks; may be empty.' }),
    issuer: nullable(
      Type.String({
        description: "The server's own name (`iss`, RFC 9207); null: the origin of `authorize_url`.",
      }),
    ),
  },
  {
    $id: 'OauthApp',
    description:
      'An application of the operator at an EMR, with which practices log in over the connect page. No answer has its secret.',
  },
);
export type OauthApp = Static<typeof OauthAppSchema>;

export const OauthAppListSchema = withExample(
  listOf(
    'OauthAppList',
    refTo(OauthAppSchema),
    'The applications, by adapter and base URL, on one page, without their secrets',
  ),
  listExample('Applications.', { ...example, issuer: null }),
);

/** Characters that can stand in the URL or a header of the login's request. `setOauthApp` checks this for every caller. */
const PRINTABLE = '^[\\x20-\\x7e]*$';

const addressOf = (description: string, address: string) =>
  Type.String({ minLength: 1, maxLength: 2048, description, examples: [address] });

export const SetOauthAppBodySchema = Type.Object(
  {
    adapter: nameOf('The kind of EMR; one whose practices log in at the EMR.', [example.adapter]),
    base_url: addressOf(
      "The address of the EMR's API, of every practice that logs in with it.",
      example.base_url,
    ),
    authorize_url: Type.Optional(
      addressOf(
        'Where a person logs in. Without it and `token_url`, a FHIR server publishes both.',
        example.authorize_url,
      ),
    ),
    token_url: Type.Optional(addressOf('Where the code is exchanged.', example.token_url)),
    client_id: Type.String({
      minLength: 1,
      maxLength: 2000,
      pattern: PRINTABLE,
      description: 'The id of the application at the EMR. Printable ASCII.',
      examples: [example.client_id],
    }),
    client_secret: Type.String({
      minLength: 1,
      maxLength: 2000,
      pattern: PRINTABLE,
      description: 'Its secret, of printable ASCII. It is stored sealed, and no answer has it.',
      examples: ['xYk5s0hV2n'],
    }),
    scopes: Type.Optional(
      Type.String({
        maxLength: 2000,
        description: 'Rights that it asks for, separated by single blanks; by default none.',
        examples: [example.scopes],
      }),
    ),
    issuer: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 2000,
        pattern: PRINTABLE,
        description:
          "The server's own name (`iss`, RFC 9207), where it is not the origin of `authorize_url`. Printable ASCII.",
      }),
    ),
  },
  {
    $id: 'SetOauthApp',
    additionalProperties: false,
    description: 'An application to keep, in place of the one with the same adapter and base URL.',
    examples: [{ ...example, client_secret: 'xYk5s0hV2n' }],
  },
);

export const SetOauthAppReplySchema = withExample(
  replyOf(
    'OauthAppSet',
    Type.Object(
      {
        adapter,
        base_url: baseUrl,
        redirect_uri: nullable(
          Type.String({
            description:
              'Register it for the application at the EMR, letter by letter; null: this API has no connect page (`PUBLIC_URL`).',
            examples: ['https://payments.example.com/connect/callback'],
          }),
        ),
      },
      { title: 'KeptOauthApp', description: 'An application that practices can log in with.' },
    ),
    'The application is kept',
  ),
  replyExample('Application kept.', {
    adapter: example.adapter,
    base_url: example.base_url,
    redirect_uri: 'https://payments.example.com/connect/callback',
  }),
);

export const RemoveOauthAppBodySchema = Type.Object(
  {
    adapter: nameOf('Its adapter.', [example.adapter]),
    base_url: addressOf('Its base URL.', example.base_url),
  },
  {
    $id: 'RemoveOauthApp',
    additionalProperties: false,
    description: 'The application to remove.',
    examples: [{ adapter: example.adapter, base_url: example.base_url }],
  },
);
export const RemovedOauthAppReplySchema = withExample(
  replyOf(
    'OauthAppRemoved',
    Type.Object(
      { adapter, base_url: baseUrl },
      { title: 'RemovedOauthApp', description: 'An application that nobody logs in with any more.' },
    ),
    'The application is removed; connections that were made with it go on',
  ),
  replyExample('Application removed.', { adapter: example.adapter, base_url: example.base_url }),
);
