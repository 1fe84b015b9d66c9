import { type Static, Type } from '@sinclair/typebox';
import { type CreatePaymentReply, CreatePaymentReplySchema } from './payments.ts';
import { always, replyOf } from './replies.ts';

/** An entry of a list that the EMR keeps: a payment method or a location. */
const EmrEntry = Type.Object(
  {
    id: Type.String({ description: "The EMR's own id." }),
    name: Type.String({ description: 'Its name in the EMR.' }),
  },
  { title: 'EmrEntry', description: 'A payment method or a location of the EMR.' },
);

export const DROPPED_FIELDS = [
  'payment_method',
  'reference_number',
  'location',
  'notes',
  'deposit_date',
] as const;

const DroppedFields = Type.Array(
  Type.Unsafe<(typeof DROPPED_FIELDS)[number]>({
    title: 'DroppedField',
    description: 'A field of a payment for which an EMR can lack a place.',
    type: 'string',
    enum: [...DROPPED_FIELDS],
  }),
  {
    description: 'Fields of a payment for which this EMR has no place: they are stored here and not posted.',
  },
);

/** Answer to `GET /v1/connection`. */
export const ConnectionReplySchema = replyOf(
  'ConnectionReply',
  Type.Object(
    {
      adapter: Type.String({ description: 'The dialect of the EMR.', examples: ['fhir-r5'] }),
      capability: Type.Unsafe<'conditional-create' | 'lookup' | 'none'>({
        type: 'string',
        enum: ['conditional-create', 'lookup', 'none'],
        description:
          'How the outcome is settled when the EMR does not answer. `conditional-create`, `lookup`: this service finds out ' +
          'whether the EMR has the payment. `none`: a person has to look (`needs_review`).',
      }),
      time_zone: Type.String({
        description: 'Of the practice. It decides which day is today, the default of `deposit_date`.',
        examples: ['America/New_York'],
      }),
      dropped_fields: DroppedFields,
      payment_methods: Type.Array(EmrEntry, {
        description: '`payment_method` takes the name of one of these.',
      }),
      locations: Type.Array(
        Type.Object(
          {
            ...EmrEntry.properties,
            identifiers: Type.Array(Type.String(), {
              description: 'Further identifiers that `location` can take for it.',
            }),
          },
          { title: 'EmrLocation', description: 'A location of the EMR.' },
        ),
        { description: '`location` takes an identifier, the id or the name of one of these.' },
      ),
    },
    { title: 'Connection', description: "What the user's EMR connection supports." },
  ),
  "What the user's EMR connection supports",
);
export type ConnectionReply = Static<typeof ConnectionReplySchema>;

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
export type CreatePaymentQuery = Static<typeof CreatePaymentQuerySchema>;
