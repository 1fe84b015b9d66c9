import { type Static, Type } from '@sinclair/typebox';
import { PAYMENT_ID_PATTERN } from './ids.ts';
import { always, bigInteger } from './replies.ts';
import { TEXT_RULE_WORDS, textOf } from './text-rules.ts';

/** The largest `numeric(12,2)`. */
export const MAX_AMOUNT = 9_999_999_999.99;

/**
 * Keyword of the amount: the maximum number of decimals. JSON Schema's `multipleOf: 0.01` has the same meaning, but
 * validators that divide binary fractions refuse 350.10 by it.
 */
export const MAX_DECIMALS_KEYWORD = 'x-max-decimals';

/** Body of `POST /v1/payments`. When several fields are bad, the error names the first one in this order. */
export const CreatePaymentBodySchema = Type.Object(
  {
    patient_mrn: Type.String({
      minLength: 1,
      maxLength: 255,
      ...textOf('line'),
      description: `Medical Record Number (MRN) of the patient the payment belongs to. ${TEXT_RULE_WORDS.line}`,
      examples: ['MRN-12345'],
    }),
    payment_method: Type.String({
      minLength: 1,
      maxLength: 255,
      ...textOf('line'),
      description:
        'Name of the payment method as configured in the EMR (e.g. "Card"). ' +
        "Resolved to the EMR's internal payment method id at post time. " +
        TEXT_RULE_WORDS.line,
      examples: ['Card'],
    }),
    reference_number: Type.String({
      minLength: 1,
      maxLength: 255,
      ...textOf('line'),
      description:
        'Your reference for the payment (e.g. a transaction or receipt number). ' +
        `Reference numbers may be reused across payments. ${TEXT_RULE_WORDS.line}`,
      examples: ['#123456'],
    }),
    location: Type.String({
      minLength: 1,
      maxLength: 255,
      ...textOf('line'),
      description: `Identifier of the EMR location/facility the payment is posted against. ${TEXT_RULE_WORDS.line}`,
      examples: ['1404'],
    }),
    amount: Type.Number({
      format: 'double',
      exclusiveMinimum: 0,
      maximum: MAX_AMOUNT,
      [MAX_DECIMALS_KEYWORD]: 2,
      description: 'Payment amount. Must be a positive number, with at most two decimals.',
      examples: [350],
    }),
    notes: Type.Optional(
      Type.String({
        maxLength: 5000,
        ...textOf('lines'),
        description: `Optional free-text note recorded with the payment in the EMR. ${TEXT_RULE_WORDS.lines}`,
        examples: ['Patient copay collected at front desk'],
      }),
    ),
    deposit_date: Type.Optional(
      Type.String({
        format: 'date',
        description:
          "Optional deposit date (YYYY-MM-DD). Defaults to today if omitted: the day in the practice's time zone. " +
          'The first year is 0001.',
        examples: ['2026-06-15'],
      }),
    ),
  },
  { $id: 'CreatePayment', additionalProperties: false, description: 'A payment to post.' },
);

export type CreatePaymentBody = Static<typeof CreatePaymentBodySchema>;

/** The published example request. */
export const CREATE_PAYMENT_EXAMPLE: CreatePaymentBody = {
  patient_mrn: 'MRN-12345',
  payment_method: 'Card',
  reference_number: '#123456',
  location: '1404',
  amount: 350,
  notes: 'Patient copay collected at front desk',
  deposit_date: '2026-06-15',
};

/** The message of the answer to every accepted payment. */
export const PAYMENT_ACCEPTED_MESSAGE = 'Payment processing. A webhook event will be sent upon completion.';

/** Answer to an accepted `POST /v1/payments`. */
export const CreatePaymentReplySchema = Type.Object(
  {
    success: always(true),
    message: Type.String({ description: 'For people.' }),
    payment_id: Type.String({
      pattern: PAYMENT_ID_PATTERN,
      description: 'Unique identifier for the created payment record',
    }),
    job_id: bigInteger({ description: 'Job execution identifier for tracking the async operation' }),
  },
  { $id: 'PaymentQueued', description: 'Payment queued successfully' },
);

export type CreatePaymentReply = Static<typeof CreatePaymentReplySchema>;

/** The published example response. */
export const CREATE_PAYMENT_REPLY_EXAMPLE: CreatePaymentReply = {
  success: true,
  message: PAYMENT_ACCEPTED_MESSAGE,
  payment_id: '123e4567e89b12d3a456426614174001',
  job_id: 12345,
};
