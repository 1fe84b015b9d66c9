import { type TSchema, Type } from '@sinclair/typebox';

/** Allows null beside a value, in the form of OpenAPI 3.1. */
export function nullable<T extends TSchema>(schema: T) {
  return Type.Union([schema, Type.Null()]);
}

/** A time in UTC, with milliseconds. */
export const timeOf = (description: string) =>
  Type.String({ format: 'date-time', description, examples: ['2026-06-15T10:30:00.000Z'] });

/** Makes the schema of an answer with one thing in `data`. */
export function replyOf<T extends TSchema>($id: string, data: T, description: string) {
  return Type.Object(
    {
      success: Type.Literal(true),
      message: Type.String({ description: 'For people.' }),
      data,
    },
    { $id, description },
  );
}

/** Makes the schema of one page of a list. */
export function listOf<T extends TSchema>($id: string, item: T, description: string) {
  return Type.Object(
    {
      success: Type.Literal(true),
      message: Type.String({ description: 'For people.' }),
      data: Type.Array(item),
      has_more: Type.Boolean({ description: 'There is another page.' }),
      next_cursor: nullable(Type.String({ description: 'The `cursor` of the next page.' })),
    },
    { $id, description },
  );
}

/** The query fields of every list that select a page. */
export const PAGE_QUERY = {
  limit: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 100, default: 20, description: 'Entries on a page.' }),
  ),
  cursor: Type.Optional(
    Type.String({ minLength: 1, maxLength: 200, description: 'The `next_cursor` of the previous page.' }),
  ),
};
