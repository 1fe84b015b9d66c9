import { type Static, type TSchema, type TUnsafe, Type } from '@sinclair/typebox';
import { envelope, eventHead } from './event-envelope.ts';
import { PAYMENT_ID_PATTERN } from './ids.ts';
import { nullable } from './replies.ts';

const PAYMENT_ID = '123e4567e89b12d3a456426614174001';

/** Describes the reason in events and in reads. */
export const REASON_DESCRIPTION =
  "Why, for a person, in this service's own words. The EMR's own words can name a patient, so they are not part of it, unless " +
  'the operator of this service shares them with you (`share_emr_text`): then the reason ends with `The EMR said: …` and has ' +
  'at most 300 characters.';

/** Describes the EMR's id in events and in reads. */
export const EMR_TRANSACTION_ID_DESCRIPTION =
  "The EMR's identifier of the posting; the lowest one where the EMR made several rows of it. null where the EMR has the payment " +
  'and does not name its entry: the status or the event says that a payment is posted, not this field.';

const PaymentId = Type.String({
  pattern: PAYMENT_ID_PATTERN,
  description: 'Unique identifier of the payment.',
  examples: [PAYMENT_ID],
});

/** Every payment event has it, and only the events of versions before it do not: stored bodies are never changed. */
const Sequence = Type.Optional(
  Type.Integer({
    minimum: 1,
    description:
      'Place of this event among the events of this payment: 1, 2, 3 … Order by it, not by `created`, which has whole seconds. ' +
      'Absent only in events that happened before this service had the field: they come before those that have it.',
    examples: [1],
  }),
);

const User = Type.String({
  description: 'The user with whose access token the payment was created.',
}) as unknown as TUnsafe<string>;
const JobId = Type.String({
  pattern: '^[0-9]+$',
  description: 'The `job_id` that the request was answered with, as a string.',
}) as unknown as TUnsafe<string>;

const paymentEnvelope = <T extends string, D extends TSchema>(input: {
  type: T;
  data: D;
  $id: string;
  description: string;
}) => envelope({ ...input, user: User, job: JobId });

export const PaymentCreatedEventSchema = paymentEnvelope({
  type: 'payment.created',
  data: Type.Object(
    {
      payment_id: PaymentId,
      emr_transaction_id: nullable(Type.String({ description: EMR_TRANSACTION_ID_DESCRIPTION })),
      payment_method: Type.String({ description: 'As it was sent.' }),
      amount: Type.Number({ format: 'double', exclusiveMinimum: 0, description: 'Payment amount.' }),
      reference_number: Type.String({ description: 'As it was sent.' }),
      patient_mrn: Type.String({ description: 'As it was sent.' }),
      sequence: Sequence,
    },
    { title: 'PostedPayment', additionalProperties: true, description: 'A payment that is in the EMR.' },
  ),
  $id: 'PaymentCreatedEvent',
  description: 'The payment is in the EMR.',
});

export const PaymentFailedEventSchema = paymentEnvelope({
  type: 'payment.failed',
  data: Type.Object(
    {
      payment_id: PaymentId,
      failure_reason: Type.String({ description: REASON_DESCRIPTION }),
      sequence: Sequence,
    },
    { title: 'FailedPayment', additionalProperties: true, description: 'A payment that is not in the EMR.' },
  ),
  $id: 'PaymentFailedEvent',
  description: 'The payment could not be posted and is not in the EMR.',
});

export const PaymentReviewEventSchema = paymentEnvelope({
  type: 'payment.review_required',
  data: Type.Object(
    {
      payment_id: PaymentId,
      review_reason: Type.String({ description: REASON_DESCRIPTION }),
      sequence: Sequence,
    },
    {
      title: 'PaymentToReview',
      additionalProperties: true,
      description: 'A payment that may be in the EMR.',
    },
  ),
  $id: 'PaymentReviewRequiredEvent',
  description:
    'The payment may or may not be in the EMR, and the EMR has no means to find out: a person has to look. It is not sent again.',
});

export type PaymentCreatedEvent = Static<typeof PaymentCreatedEventSchema>;
export type PaymentFailedEvent = Static<typeof PaymentFailedEventSchema>;
export type PaymentReviewEvent = Static<typeof PaymentReviewEventSchema>;
export type PaymentEvent = PaymentCreatedEvent | PaymentFailedEvent | PaymentReviewEvent;
export type PaymentEventType = PaymentEvent['type'];

/**
 * The fields of every event beside what its type says of the payment. `jobId` is the one in the answer to the integrator's request;
 * `round` is the payment's round once it is settled, the event's `sequence`.
 */
export type EventInput = {
  eventId: string;
  round: number;
  userPublicId: string;
  created: Date;
  jobId: number | bigint | string;
};

function head<T extends PaymentEventType>(type: T, { eventId, created, userPublicId, jobId }: EventInput) {
  return eventHead({ eventId, created, type, user: userPublicId, job: String(jobId) });
}

/** Makes the event of a payment that was posted. `amount` is a decimal string such as `350.00`; the event has a number. */
export function paymentCreatedEvent(
  input: EventInput & {
    payment: {
      paymentId: string;
      emrTransactionId: string | null;
      paymentMethod: string;
      amount: string;
      referenceNumber: string;
      patientMrn: string;
    };
  },
): PaymentCreatedEvent {
  const { payment } = input;
  return {
    ...head('payment.created', input),
    data: {
      payment_id: payment.paymentId,
      emr_transaction_id: payment.emrTransactionId,
      payment_method: payment.paymentMethod,
      amount: Number(payment.amount),
      reference_number: payment.referenceNumber,
      patient_mrn: payment.patientMrn,
      sequence: input.round,
    },
  };
}

/** Makes the event of a payment that failed. The integrator gets `failureReason` unchanged. */
export function paymentFailedEvent(
  input: EventInput & { payment: { paymentId: string; failureReason: string } },
): PaymentFailedEvent {
  const { paymentId, failureReason } = input.payment;
  return {
    ...head('payment.failed', input),
    data: { payment_id: paymentId, failure_reason: failureReason, sequence: input.round },
  };
}

/** Makes the event of a payment that may or may not have been posted. */
export function paymentReviewEvent(
  input: EventInput & { payment: { paymentId: string; reviewReason: string } },
): PaymentReviewEvent {
  const { paymentId, reviewReason } = input.payment;
  return {
    ...head('payment.review_required', input),
    data: { payment_id: paymentId, review_reason: reviewReason, sequence: input.round },
  };
}
