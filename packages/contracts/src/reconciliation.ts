import { type Static, Type } from '@sinclair/typebox';
import { nullable, replyOf } from './replies.ts';

export const ReconciliationQuerySchema = Type.Object(
  {
    date: Type.String({
      format: 'date',
      pattern: '^(?!0000)\\d{4}-\\d{2}-\\d{2}$',
      description: 'The deposit date (YYYY-MM-DD).',
      examples: ['2026-06-15'],
    }),
    location: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 255,
        description: 'Only this location, written as it was sent.',
      }),
    ),
    format: Type.Optional(
      Type.Unsafe<'json' | 'csv'>({
        type: 'string',
        enum: ['json', 'csv'],
        description: 'The format of the answer; wins over the header `Accept`.',
      }),
    ),
    bom: Type.Optional(
      Type.Boolean({
        description:
          'true: the CSV begins with a byte order mark, by which spreadsheets recognise UTF-8. Has no effect on JSON.',
      }),
    ),
  },
  { additionalProperties: false },
);
export type ReconciliationQuery = Static<typeof ReconciliationQuerySchema>;

/** How many payments, and what they add up to, exactly. */
export const TallySchema = Type.Object(
  {
    count: Type.Integer({ minimum: 0 }),
    amount: Type.Number({ description: 'Their sum, to the cent.', examples: [350.1] }),
  },
  { $id: 'Tally' },
);
const Tally = Type.Unsafe<Static<typeof TallySchema>>({ $ref: 'Tally#' });

/** What can have become of a payment, as an office manager counts it. */
export const RECONCILIATION_COLUMNS = ['accepted', 'posted', 'failed', 'needs_review', 'open'] as const;

const Columns = {
  accepted: Tally,
  posted: Tally,
  failed: Tally,
  needs_review: Tally,
  open: Tally,
};

export const ReconciliationReplySchema = replyOf(
  'ReconciliationReply',
  Type.Object({
    date: Type.String({ format: 'date' }),
    location: nullable(Type.String({ description: 'null: all of them.' })),
    methods: Type.Array(Type.Object({ payment_method: Type.String(), ...Columns }), {
      description: 'By payment method; case and blanks do not tell two methods apart.',
    }),
    totals: Type.Object(Columns),
  }),
  'Everything that was accepted for the date (`accepted`), and what has become of it until now: `posted` is what the ' +
    'EMR has, `open` is still being worked on',
);
export type ReconciliationReply = Static<typeof ReconciliationReplySchema>;
