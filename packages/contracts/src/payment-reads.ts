import { type Static, Type } from '@sinclair/typebox';
import { EMR_TRANSACTION_ID_DESCRIPTION, REASON_DESCRIPTION } from './events.ts';
import { FAILURE_CODES, type FailureCode } from './failure-codes.ts';
import { PAYMENT_ID_PATTERN } from './ids.ts';
import { CreatePaymentBodySchema } from './payments.ts';
import { bigInteger, listOf, nullable, PAGE_QUERY, replyOf, timeOf } from './replies.ts';
import { JobKindSchema, SyncSchema, type SyncStatus } from './sync.ts';

/** Every state of a payment, in the order of its life. */
export const PAYMENT_STATUSES = [
  'accepted',
  'posting',
  'retrying',
  'submitted',
  'posted',
  'failed',
  'needs_review',
] as const;

export type PaymentStatus = (typeof PAYMENT_STATUSES)[number];

export const PaymentStatusSchema = Type.Unsafe<PaymentStatus>({
  title: 'PaymentStatus',
  type: 'string',
  enum: [...PAYMENT_STATUSES],
  description:
    '`accepted`, `posting`, `retrying` and `submitted` are open: the payment is being processed. `submitted`: the EMR has ' +
    'accepted it and finishes it later; it is not sent again. `posted`: it is in the EMR. `failed`: ' +
    'it is not. `needs_review`: it may be; a person has to look (`resolve`).',
});

const PaymentIdSchema = Type.String({
  pattern: PAYMENT_ID_PATTERN,
  description: 'Unique identifier of the payment.',
  examples: ['123e4567e89b12d3a456426614174001'],
});

const JobIdSchema = bigInteger({
  description: 'The `job_id` in the answer to the request that created the payment.',
  examples: [12345],
});

export const FailureSchema = Type.Object(
  {
    code: Type.Unsafe<FailureCode>({
      type: 'string',
      description: [
        'Stable and machine-readable. New codes may be added.',
        ...Object.entries(FAILURE_CODES).map(
          ([code, { status, action }]) => `- \`${code}\` (${status}): ${action}`,
        ),
      ].join('\n'),
    }),
    reason: Type.String({ description: REASON_DESCRIPTION }),
    action: Type.String({ description: 'What to do about it.' }),
  },
  { title: 'PaymentFailure', description: 'The reason for `failed` or `needs_review`.' },
);

const AttemptSchema = Type.Object(
  {
    number: Type.Integer({ minimum: 1, description: 'Counts from 1.' }),
    sent_at: timeOf('Just before the request to the EMR was sent.'),
    finished_at: nullable(timeOf('When its outcome was known.')),
    outcome: nullable(
      Type.Unsafe<'posted' | 'accepted' | 'refused' | 'not_sent' | 'unknown' | 'absent'>({
        type: 'string',
        description:
          '`posted`: the EMR has it. `accepted`: the EMR took it and finishes it later. `refused`: the EMR does not take it. `not_sent`: it never reached the EMR. `unknown`: there was no ' +
          'answer that proves anything. `absent`: the outcome was open, and a later look-up or a person found that the EMR ' +
          'does not have it. null: still running.',
      }),
    ),
    code: nullable(
      Type.String({
        description:
          'What went wrong, as one of a list of codes such as `timeout`; null when nothing went wrong. New codes may be added. ' +
          '`restored`: our database was restored from a backup of this time, so that the payment may have been sent without our ' +
          'knowing it.',
      }),
    ),
  },
  { title: 'PostingAttempt', description: 'One send of the payment to the EMR.' },
);

export const WaitingSchema = Type.Object(
  {
    code: Type.String({
      description: 'Stable and machine-readable, such as `timeout`, `unauthorized` or `our_fault`.',
      examples: ['timeout'],
    }),
    reason: Type.String({
      description: 'The same in words for a person.',
      examples: ['The EMR did not answer in time.'],
    }),
    tries: Type.Integer({ minimum: 0, description: 'How often it was tried and put off again.' }),
    next_try_at: nullable(timeOf('When it is tried next, at the earliest; null while it is being tried.')),
  },
  {
    title: 'PaymentWaiting',
    description: 'Why a payment that was tried is still open, and when it is tried next.',
  },
);

const RequestFields = CreatePaymentBodySchema.properties;

/** One payment as reads show it. */
export const PaymentSchema = Type.Object(
  {
    payment_id: PaymentIdSchema,
    job_id: JobIdSchema,
    status: PaymentStatusSchema,
    on_hold: Type.Boolean({
      description:
        'true: the payment is open, and posting is paused by us. Nothing is sent to the EMR meanwhile; it goes on by itself when ' +
        'the hold ends, and the time does not count against its retries.',
    }),
    patient_mrn: Type.String({ description: RequestFields.patient_mrn.description ?? '' }),
    payment_method: Type.String({ description: RequestFields.payment_method.description ?? '' }),
    reference_number: Type.String({ description: RequestFields.reference_number.description ?? '' }),
    location: Type.String({ description: RequestFields.location.description ?? '' }),
    amount: Type.Number({ format: 'double', description: 'Payment amount.', examples: [350] }),
    notes: nullable(Type.String({ description: 'The note, when there is one.' })),
    deposit_date: Type.String({
      format: 'date',
      description: 'Deposit date (YYYY-MM-DD); when the request had none, the date that was chosen.',
      examples: ['2026-06-15'],
    }),
    emr_transaction_id: nullable(Type.String({ description: EMR_TRANSACTION_ID_DESCRIPTION })),
    failure: nullable(FailureSchema),
    waiting: nullable(WaitingSchema),
    attempts: Type.Array(AttemptSchema, { description: 'Every send to the EMR, oldest first.' }),
    events: Type.Array(
      Type.Object(
        {
          id: Type.String({ description: 'Id of the event.', examples: ['evt_1J9X2q2eZvKYlo2CluR9g9gV'] }),
          type: Type.String({ description: 'Type of the event.', examples: ['payment.created'] }),
          created: timeOf('When the event happened.'),
        },
        { title: 'PaymentEventReference', description: 'An event about the payment.' },
      ),
      { description: 'The events about this payment, oldest first. Events are kept for a limited time.' },
    ),
    created_at: timeOf('When it was accepted.'),
    settled_at: nullable(timeOf('When it became `posted`, `failed` or `needs_review`.')),
  },
  { $id: 'Payment', description: 'A payment with its state, its attempts and its events.' },
);
export type PaymentView = Static<typeof PaymentSchema>;

const PaymentRef = Type.Unsafe<PaymentView>({ $ref: 'Payment#' });

export const PaymentReplySchema = replyOf('PaymentReply', PaymentRef, 'The payment');

export const PaymentListSchema = listOf('PaymentList', PaymentRef, 'Payments, newest first');

export const ListPaymentsQuerySchema = Type.Object(
  {
    status: Type.Optional(
      Type.Array(PaymentStatusSchema, {
        minItems: 1,
        maxItems: PAYMENT_STATUSES.length,
        uniqueItems: true,
        description:
          'Only payments in this state; repeat it for several states. `failed` and `needs_review` are the worklist.',
      }),
    ),
    patient_mrn: Type.Optional(
      Type.String({ minLength: 1, maxLength: 255, description: 'Only of this patient.' }),
    ),
    reference_number: Type.Optional(
      Type.String({ minLength: 1, maxLength: 255, description: 'Only with this reference.' }),
    ),
    location: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 255,
        description: 'Only of this location, written as it was sent.',
      }),
    ),
    created_after: Type.Optional(
      Type.String({ format: 'date-time', description: 'Only payments that were accepted later than this.' }),
    ),
    created_before: Type.Optional(
      Type.String({
        format: 'date-time',
        description: 'Only payments that were accepted earlier than this.',
      }),
    ),
    ...PAGE_QUERY,
  },
  { additionalProperties: false },
);
export type ListPaymentsQuery = Static<typeof ListPaymentsQuerySchema>;

/** A job as reads show it: the asynchronous work on one payment, or one sync. */
export const JobSchema = Type.Object(
  {
    job_id: bigInteger({
      description: 'The `job_id` in the answer to the request that created the payment or started the sync.',
      examples: [12345],
    }),
    kind: JobKindSchema,
    status: Type.Unsafe<PaymentStatus | SyncStatus>({
      type: 'string',
      description:
        `Of a payment its state: ${PAYMENT_STATUSES.map((status) => `\`${status}\``).join(', ')}. ` +
        'Of a sync: `waiting`, `running`, `done`, `failed` or `canceled`.',
      examples: ['posted'],
    }),
    payment_id: nullable(PaymentIdSchema),
    sync: nullable(SyncSchema),
    created_at: timeOf('When the payment was accepted, or the sync started.'),
    settled_at: nullable(timeOf('When the work ended.')),
  },
  { $id: 'Job', description: 'The work on one payment, or one sync.' },
);
export type JobView = Static<typeof JobSchema>;

export const JobReplySchema = replyOf('JobReply', Type.Unsafe<JobView>({ $ref: 'Job#' }), 'The job');
