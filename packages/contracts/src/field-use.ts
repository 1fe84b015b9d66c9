import { Type } from '@sinclair/typebox';
import { nullable } from './replies.ts';

export const DROPPED_FIELDS = [
  'payment_method',
  'reference_number',
  'location',
  'notes',
  'deposit_date',
] as const;

export const DroppedFields = Type.Array(
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
export const FieldUse = Type.Object(
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
