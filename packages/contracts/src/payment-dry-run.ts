import { type Static, Type } from '@sinclair/typebox';
import { EmrEntry } from './emr-entries.ts';
import { DroppedFields, FieldUse } from './field-use.ts';
import { type CreatePaymentReply, CreatePaymentReplySchema } from './payments.ts';
import { always, replyOf } from './replies.ts';

/** Answer to `POST /v1/payments?dry_run=true`. */
export const DryRunReplySchema = replyOf(
  'PaymentDryRun',
  Type.Object(
    {
      would_post: always(true),
      patient_mrn: Type.String({ description: 'As it was sent.' }),
      payment_method: EmrEntry,
      location: EmrEntry,
      reference_number: Type.String({ description: 'As it was sent.' }),
      amount: Type.Number({ format: 'double', description: 'As it was sent.' }),
      deposit_date: Type.String({ format: 'date', description: 'The date that it would be posted with.' }),
      dropped_fields: DroppedFields,
      fields: Type.Array(FieldUse, {
        description:
          'What the EMR would get of each field of this payment: a text that fits is `whole`, and one that was not sent is left out.',
      }),
    },
    { title: 'DryRun', description: 'A payment as it would be posted.' },
  ),
  'With `dry_run=true`: the payment as it would be posted. Nothing was written',
);

export type DryRunReply = Static<typeof DryRunReplySchema>;

/**
 * Every answer of `POST /v1/payments` that is a success. One object and no union: generators without unions merge the variants
 * into one type that requires the fields of both.
 */
export const CreatePaymentAnswerSchema = Type.Unsafe<CreatePaymentReply | DryRunReply>(
  Type.Object(
    {
      success: always(true),
      message: CreatePaymentReplySchema.properties.message,
      payment_id: Type.Optional(CreatePaymentReplySchema.properties.payment_id),
      job_id: Type.Optional(CreatePaymentReplySchema.properties.job_id),
      data: Type.Optional(DryRunReplySchema.properties.data),
    },
    {
      $id: 'CreatePaymentAnswer',
      description:
        'Payment queued: always with `payment_id` and `job_id`. The answer to a request with `dry_run=true` has neither, but ' +
        '`data`: the payment as it would be posted.',
    },
  ),
);

/** Query of `POST /v1/payments`. */
export const CreatePaymentQuerySchema = Type.Object(
  {
    dry_run: Type.Optional(
      Type.Boolean({
        description:
          'true: check everything, including the payment method and location in the EMR, and write nothing. The answer shows ' +
          'the payment as it would be posted. An Idempotency-Key is not used up.',
      }),
    ),
  },
  { additionalProperties: false },
);
