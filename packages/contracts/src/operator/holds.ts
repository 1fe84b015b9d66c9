import { type Static, Type } from '@sinclair/typebox';
import { listOf, nullable, replyOf, timeOf } from '../replies.ts';
import { textOf } from '../text-rules.ts';
import { AT, filterOf, listExample, nameOf, refTo, replyExample, withExample } from './parts.ts';

const scope = Type.String({
  description: '`all`, or the id of the user whose posting it stops.',
  examples: ['all'],
});

export const OperatorHoldSchema = Type.Object(
  {
    scope,
    started_at: timeOf('Since when nothing is posted.'),
    started_by: Type.String({
      description: 'Who began it.',
      examples: ['operator:opk_1J9X2q2eZvKYlo2CluR9g9gV'],
    }),
    reason: nullable(Type.String({ description: 'Why, as the one who began it wrote.' })),
    waiting: Type.Integer({ minimum: 0, description: 'Payments that wait because of it.' }),
  },
  {
    $id: 'OperatorHold',
    description: 'Posting that is stopped; payments are accepted and webhooks delivered meanwhile.',
  },
);
export type OperatorHold = Static<typeof OperatorHoldSchema>;

export const OperatorHoldListSchema = withExample(
  listOf('OperatorHoldList', refTo(OperatorHoldSchema), 'The holds that are on, oldest first, on one page'),
  listExample('Holds.', {
    scope: 'all',
    started_at: AT,
    started_by: 'operator:opk_1J9X2q2eZvKYlo2CluR9g9gV',
    reason: 'The EMR is moved to another server',
    waiting: 3,
  }),
);
export const ListHoldsQuerySchema = Type.Object(
  { user_id: filterOf('Only the holds that stop this user.') },
  { additionalProperties: false },
);

export const StartHoldBodySchema = Type.Object(
  {
    user_id: Type.Optional(
      nameOf('Stop posting for this user only; without it for all users.', ['user_1J9X2q2eZvKYlo2Cxyz']),
    ),
    reason: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 255,
        ...textOf('line'),
        description: 'Why. It is shown with the hold and kept in the audit log.',
        examples: ['The EMR is moved to another server'],
      }),
    ),
  },
  {
    $id: 'StartHold',
    additionalProperties: false,
    description: 'What is to be stopped.',
    examples: [{ user_id: 'user_1J9X2q2eZvKYlo2Cxyz', reason: 'The EMR is moved to another server' }],
  },
);

export const StartedHoldReplySchema = withExample(
  replyOf(
    'OperatorHoldStarted',
    Type.Object(
      { scope, already: Type.Boolean({ description: 'true: it was on hold before.' }) },
      { title: 'StartedHold', description: 'A hold that is on.' },
    ),
    'Nothing new begins from now on. Read `in_flight` until it is empty',
  ),
  replyExample('Posting is on hold.', { scope: 'all', already: false }),
);

export const InFlightReplySchema = withExample(
  replyOf(
    'OperatorHoldInFlight',
    Type.Object(
      {
        scope,
        payment_ids: Type.Array(Type.String(), {
          description: 'Payments that a worker has in hand: something may still be sent.',
        }),
        transactions: Type.Integer({ minimum: 0, description: 'Transactions that began before the hold.' }),
        quiet: Type.Boolean({ description: 'true: nothing is sent to an EMR or asked of it any more.' }),
      },
      { title: 'HoldInFlight', description: 'What may still be sent under a hold.' },
    ),
    'What may still be sent',
  ),
  replyExample('In flight.', { scope: 'all', payment_ids: [], transactions: 0, quiet: true }),
);

export const EndedHoldReplySchema = withExample(
  replyOf(
    'OperatorHoldEnded',
    Type.Object(
      {
        scope,
        other_holds: Type.Array(Type.String(), { description: 'The scopes of the holds that are still on.' }),
      },
      { title: 'EndedHold', description: 'A hold that has ended.' },
    ),
    'Payments that waited are posted at once',
  ),
  replyExample('The hold has ended.', { scope: 'all', other_holds: [] }),
);
