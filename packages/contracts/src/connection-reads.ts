import { type Static, Type } from '@sinclair/typebox';
import { replyOf } from './replies.ts';

/** An entry of one of the EMR's own lists. */
const EmrEntry = Type.Object({
  id: Type.String({ description: "The EMR's own id." }),
  name: Type.String({ description: 'As it is called in the EMR.' }),
});

export const DROPPED_FIELDS = [
  'payment_method',
  'reference_number',
  'location',
  'notes',
  'deposit_date',
] as const;

const DroppedFields = Type.Array(
  Type.Unsafe<(typeof DROPPED_FIELDS)[number]>({ type: 'string', enum: [...DROPPED_FIELDS] }),
  { description: 'Fields of a payment for which this EMR has no place: they are kept here and not posted.' },
);

/** Answer to `GET /v1/connection`. */
export const ConnectionReplySchema = replyOf(
  'ConnectionReply',
  Type.Object({
    adapter: Type.String({ examples: ['fhir-r5'] }),
    capability: Type.Unsafe<'conditional-create' | 'lookup' | 'none'>({
      type: 'string',
      enum: ['conditional-create', 'lookup', 'none'],
      description:
        'What happens when the EMR does not answer. `conditional-create`, `lookup`: it is found out whether the payment ' +
        'stands. `none`: it needs a review.',
    }),
    time_zone: Type.String({
      description: 'Of the practice: where `deposit_date` has its today.',
      examples: ['America/New_York'],
    }),
    dropped_fields: DroppedFields,
    payment_methods: Type.Array(EmrEntry, {
      description: '`payment_method` takes the name of one of these.',
    }),
    locations: Type.Array(
      Type.Object({
        ...EmrEntry.properties,
        identifiers: Type.Array(Type.String(), { description: 'Further names by which it is found.' }),
      }),
      { description: '`location` takes an identifier, the id or the name of one of these.' },
    ),
  }),
  "What the user's EMR connection supports",
);
export type ConnectionReply = Static<typeof ConnectionReplySchema>;

/** Answer to `POST /v1/payments?dry_run=true`. */
export const DryRunReplySchema = replyOf(
  'PaymentDryRun',
  Type.Object({
    would_post: Type.Literal(true),
    patient_mrn: Type.String(),
    payment_method: EmrEntry,
    location: EmrEntry,
    reference_number: Type.String(),
    amount: Type.Number(),
    deposit_date: Type.String({ format: 'date' }),
    dropped_fields: DroppedFields,
  }),
  'With `dry_run=true`: what would be posted. Nothing was written',
);
export type DryRunReply = Static<typeof DryRunReplySchema>;

/** Query of `POST /v1/payments`. */
export const CreatePaymentQuerySchema = Type.Object(
  {
    dry_run: Type.Optional(
      Type.Boolean({
        description:
          'true: check everything, the payment method and location at the EMR as well, and write nothing. The answer says ' +
          'what would be posted. An Idempotency-Key is not used up.',
      }),
    ),
  },
  { additionalProperties: false },
);
export type CreatePaymentQuery = Static<typeof CreatePaymentQuerySchema>;
