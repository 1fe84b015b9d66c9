import { type Static, Type } from '@sinclair/typebox';
import { EVENT_ID_PATTERN, PAYMENT_ID_PATTERN } from './ids.ts';
import { CreatePaymentBodySchema } from './payments.ts';
import { replyOf } from './replies.ts';
import { TEXT_RULE_WORDS, textOf } from './text-rules.ts';

const { payment_method, location } = CreatePaymentBodySchema.properties;

/** Body of `POST /v1/payments/{id}/retry`. */
export const RetryPaymentBodySchema = Type.Object(
  {
    payment_method: Type.Optional({
      ...payment_method,
      description: 'The corrected method; without it the payment keeps its own.',
    }),
    location: Type.Optional({
      ...location,
      description: 'The corrected location; without it the payment keeps its own.',
    }),
  },
  {
    $id: 'RetryPayment',
    additionalProperties: false,
    description: 'What is corrected before the payment is posted again.',
    examples: [{ payment_method: 'Card' }],
  },
);

/**
 * Body of `POST /v1/payments/{id}/resolve`. `emr_transaction_id` is allowed with `posted` only; the handler checks that, so
 * that the published sentence can name the field.
 */
export const ResolvePaymentBodySchema = Type.Object(
  {
    outcome: Type.Unsafe<'posted' | 'not_posted'>({
      type: 'string',
      enum: ['posted', 'not_posted'],
      description: 'The finding of a person who has looked in the EMR.',
    }),
    emr_transaction_id: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 255,
        ...textOf('line'),
        description:
          "With `posted` only: the EMR's identifier of the posting. Leave it out where the EMR shows none; the payment then has none. " +
          TEXT_RULE_WORDS.line,
        examples: ['13969262'],
      }),
    ),
    note: Type.String({
      minLength: 1,
      maxLength: 1000,
      ...textOf('lines'),
      description: `Who looked, and how they found out. Kept in the audit log. ${TEXT_RULE_WORDS.lines}`,
      examples: ['Found on the day sheet by M. Ortiz'],
    }),
    event_id: Type.Optional(
      Type.String({
        pattern: EVENT_ID_PATTERN,
        description:
          'The last event of the payment when the person looked: the `payment.review_required` that asks for the review. If the payment has been settled ' +
          'since and needs another review, nothing is changed (`invalid_state`). Without it the finding counts for whatever review there is.',
        examples: ['evt_1J9X2q2eZvKYlo2CluR9g9gW'],
      }),
    ),
  },
  {
    $id: 'ResolvePayment',
    additionalProperties: false,
    description: 'What a person found in the EMR.',
    examples: [
      { outcome: 'posted', emr_transaction_id: '13969262', note: 'Found on the day sheet by M. Ortiz' },
      { outcome: 'posted', note: 'On the day sheet, which shows no number' },
      { outcome: 'not_posted', note: 'Not on the day sheet' },
    ],
  },
);
export type ResolvePaymentBody = Static<typeof ResolvePaymentBodySchema>;

export const ResolvedPaymentReplySchema = replyOf(
  'PaymentResolved',
  Type.Object(
    {
      payment_id: Type.String({
        pattern: PAYMENT_ID_PATTERN,
        description: 'Unique identifier of the payment.',
      }),
      status: Type.Unsafe<'posted' | 'failed'>({
        type: 'string',
        enum: ['posted', 'failed'],
        description: 'The state of the payment now.',
      }),
      event_id: Type.String({ description: 'The event that reports it.' }),
    },
    { title: 'ResolvedPayment', description: 'The payment as it is settled.' },
  ),
  'The payment is settled',
);
export type ResolvedPaymentReply = Static<typeof ResolvedPaymentReplySchema>;
