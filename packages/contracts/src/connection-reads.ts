import { type Static, Type } from '@sinclair/typebox';
import { type CreatePaymentReply, CreatePaymentReplySchema } from './payments.ts';
import { always, nullable, replyOf, timeOf } from './replies.ts';

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

/** The facts of a payment that an EMR may keep, by the names of the API. */
export const POSTED_FIELDS = ['payment_id', 'patient_mrn', 'amount', ...DROPPED_FIELDS] as const;

/** No named enum: a name of a value may be in one of them only, and `DroppedField` has most of these. */
const FieldUse = Type.Object(
  {
    field: Type.Unsafe<(typeof POSTED_FIELDS)[number]>({
      type: 'string',
      description: `The field of the payment: ${POSTED_FIELDS.map((name) => `\`${name}\``).join(', ')}.`,
      examples: ['notes'],
    }),
    kept: Type.Unsafe<'whole' | 'cut' | 'dropped'>({
      type: 'string',
      description:
        '`whole`: the EMR gets it as it is. `cut`: the EMR gets at most `to` characters of it. `dropped`: the EMR has no place for it.',
      examples: ['cut'],
    }),
    as: nullable(
      Type.String({
        description: "The EMR's name of its own field; null where it is dropped.",
        examples: ['PayNote'],
      }),
    ),
    to: nullable(
      Type.Integer({
        minimum: 0,
        description: 'The most characters (UTF-16 code units) that the EMR gets; null where it is not cut.',
        examples: [4000],
      }),
    ),
    rest: nullable(
      Type.String({
        description:
          'The field of the payment in whose place the EMR gets the whole text instead; null where what is cut off is only kept here.',
        examples: ['notes'],
      }),
    ),
    why: nullable(
      Type.String({
        description: 'Why it is dropped, where that depends on the payment or on the connection.',
      }),
    ),
  },
  { title: 'FieldUse', description: 'What the EMR gets of one field of a payment.' },
);

const MethodNeed = Type.Object(
  {
    methods: Type.String({ description: 'The payment methods, in words.', examples: ['cards'] }),
    data: Type.String({
      description: 'What the EMR demands for them and a payment does not carry.',
      examples: ['the last four digits of the card'],
    }),
    setting: nullable(
      Type.String({
        description:
          "The setting of the practice's connection by which the operator of this service can supply it; null: nothing can.",
      }),
    ),
    supplied: Type.Boolean({
      description: 'true: the connection supplies it, and such payments are posted.',
    }),
  },
  { title: 'MethodNeed', description: 'Data that an EMR demands for some payment methods.' },
);

export const UsableMethod = Type.Object(
  {
    ...EmrEntry.properties,
    usable: Type.Boolean({
      description:
        'false: a payment with this method is refused (`method_needs_data`) before anything is sent, because of `needs`.',
    }),
    needs: nullable(
      Type.String({
        description: 'What the EMR demands for it and nothing supplies; null where it is usable.',
      }),
    ),
  },
  { title: 'EmrMethod', description: 'A payment method of the EMR.' },
);

export const LocationEntry = Type.Object(
  {
    ...EmrEntry.properties,
    identifiers: Type.Array(Type.String(), {
      description: 'Further identifiers that `location` can take for it.',
    }),
  },
  { title: 'EmrLocation', description: 'A location of the EMR.' },
);

/** The states of a connection, each with what it says. */
export const HEALTH_STATES = {
  connected: 'the EMR answers',
  degraded: 'some requests to the EMR fail',
  login_required:
    'the EMR rejects the credentials, and nothing is sent until they are replaced, or for an hour',
  unreachable: 'the EMR does not answer, or only with failures',
} as const;

const Health = Type.Object(
  {
    state: Type.Unsafe<keyof typeof HEALTH_STATES>({
      type: 'string',
      description: `${Object.entries(HEALTH_STATES)
        .map(([state, says]) => `\`${state}\`: ${says}.`)
        .join(' ')} In the last two no payment is posted; all wait. New states may be added.`,
      examples: ['connected'],
    }),
    since: timeOf('Since when it is in this state.'),
    last_success_at: nullable(
      timeOf('When the EMR last answered, up to a minute old; null when no answer is known.'),
    ),
    last_trouble: nullable(
      Type.Object(
        {
          code: Type.String({
            description: 'For programs. New codes may be added.',
            examples: ['unauthorized'],
          }),
          message: Type.String({ description: "For a person, in this service's own words." }),
          at: timeOf('When it was; an equal one is noted once a minute.'),
        },
        {
          title: 'ConnectionTrouble',
          description: 'The last trouble with the EMR, also when it is over; null when there was none.',
        },
      ),
    ),
  },
  { title: 'ConnectionHealth', description: 'How the connection is, by the exchanges with the EMR.' },
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
      health: Health,
      lists_read: Type.Boolean({
        description:
          'false: the EMR could not be asked now; `health` says why. `payment_methods` and `locations` are then as they were read from it ' +
          'last, and empty when they never were. `GET /v1/payment-methods` says when that was.',
      }),
      dropped_fields: DroppedFields,
      fields: Type.Array(FieldUse, { description: 'What the EMR gets of each field of a payment.' }),
      method_needs: Type.Array(MethodNeed, {
        description: 'Data that the EMR demands for some payment methods. Empty when it demands none.',
      }),
      limits: Type.Array(Type.String(), {
        description: "The EMR's limits of requests, in words. They bound how fast payments are posted.",
      }),
      any_payment_method: Type.Boolean({
        description:
          'true: the EMR has no place for the payment method, and `payment_method` takes every name.',
      }),
      any_location: Type.Boolean({
        description: 'true: the EMR has no place for the location, and `location` takes every name.',
      }),
      payment_methods: Type.Array(UsableMethod, {
        description: '`payment_method` takes the name of one of these, unless `any_payment_method` is true.',
      }),
      locations: Type.Array(LocationEntry, {
        description:
          '`location` takes an identifier, the id or the name of one of these, unless `any_location` is true.',
      }),
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
export type CreatePaymentQuery = Static<typeof CreatePaymentQuerySchema>;
