import { type Static, Type } from '@sinclair/typebox';
import { bigInteger, nullable, replyOf } from './replies.ts';

export const ReconciliationQuerySchema = Type.Object(
  {
    date: Type.String({
      format: 'date',
      description: 'The deposit date (YYYY-MM-DD).',
      examples: ['2026-06-15'],
    }),
    location: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 255,
        description: 'Only this location; case and white space do not count.',
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

/** A number of payments with their exact sum. */
export const TallySchema = Type.Object(
  {
    count: bigInteger({ minimum: 0, description: 'How many.' }),
    amount: Type.Number({
      format: 'double',
      description: 'Their sum, exact to the cent.',
      examples: [350.1],
    }),
  },
  { $id: 'Tally', description: 'A number of payments and their sum.' },
);
const Tally = Type.Unsafe<Static<typeof TallySchema>>({ $ref: 'Tally#' });

/** The states of payments that the reconciliation counts. */
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
  Type.Object(
    {
      date: Type.String({ format: 'date', description: 'The deposit date.' }),
      location: nullable(Type.String({ description: 'null: all locations.' })),
      archived_before: nullable(
        Type.String({
          format: 'date-time',
          description:
            'Payments that were accepted before this time have been archived and are not counted; null: none has.',
        }),
      ),
      methods: Type.Array(
        Type.Object(
          { payment_method: Type.String({ description: 'Name of the payment method.' }), ...Columns },
          { title: 'ReconciliationMethod', description: 'The payments of one method.' },
        ),
        {
          description:
            'One entry for each payment method; names that differ only in case and white space are one method.',
        },
      ),
      totals: Type.Object(Columns, { title: 'ReconciliationTotals', description: 'All methods together.' }),
    },
    { title: 'Reconciliation', description: 'The payments of one deposit date, counted.' },
  ),
  'All payments of the date (`accepted`) with their state now: `posted` payments are in the EMR, `open` ones are still ' +
    'being processed',
);
export type ReconciliationReply = Static<typeof ReconciliationReplySchema>;
