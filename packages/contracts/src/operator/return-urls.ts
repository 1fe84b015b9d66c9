import { type Static, Type } from '@sinclair/typebox';
import { listOf, replyOf, timeOf } from '../replies.ts';
import { AT, clientId, listExample, refTo, replyExample, withExample } from './parts.ts';

const URL_EXAMPLE = 'https://app.example.com/emr/connected';
const CLIENT = 'ci_live_1J9X2q2eZvKYlo2CluR9g9gVabcdefgh';

export const OperatorReturnUrlSchema = Type.Object(
  {
    return_url: Type.String({ description: 'The address, as sessions give it.', examples: [URL_EXAMPLE] }),
    created_at: timeOf('When it was registered.'),
  },
  {
    $id: 'OperatorReturnUrl',
    description: 'An address to which the connect page may send the browsers of a client’s practices back.',
  },
);
export type OperatorReturnUrl = Static<typeof OperatorReturnUrlSchema>;

export const OperatorReturnUrlListSchema = withExample(
  listOf(
    'OperatorReturnUrlList',
    refTo(OperatorReturnUrlSchema),
    'The addresses of a client, oldest first, on one page',
  ),
  listExample('Return addresses.', { return_url: URL_EXAMPLE, created_at: AT }),
);

export const ReturnUrlBodySchema = Type.Object(
  {
    return_url: Type.String({
      minLength: 1,
      maxLength: 2048,
      description:
        'The address, letter by letter as sessions give it: https, of a test client also http on its own machine; without a user, a password and a fragment.',
      examples: [URL_EXAMPLE],
    }),
  },
  {
    $id: 'ReturnAddress',
    additionalProperties: false,
    description: 'An address to which browsers go back.',
    examples: [{ return_url: URL_EXAMPLE }],
  },
);

export const ReturnUrlReplySchema = withExample(
  replyOf(
    'OperatorReturnUrlChanged',
    Type.Object(
      {
        client_id: clientId,
        return_url: Type.String({ description: 'The address.', examples: [URL_EXAMPLE] }),
        registered: Type.Boolean({ description: 'false: sessions cannot be made with it any more.' }),
      },
      { title: 'ChangedReturnUrl', description: 'An address that was registered or removed.' },
    ),
    'The state of the address now',
  ),
  replyExample('Return address registered.', {
    client_id: CLIENT,
    return_url: URL_EXAMPLE,
    registered: true,
  }),
);
