import { type Static, type TSchema, type TUnsafe, Type } from '@sinclair/typebox';

/**
 * Allows null beside a value, as `type: [x, 'null']`: most generators of clients do not know a schema that is nothing but
 * null. An object must be written in place with a `title`, because a reference has no `type` that could be extended.
 *
 * @throws TypeError for an enum: beside null, generators make several types of it. Say the values in words.
 */
export function nullable<T extends TSchema>(schema: T): TUnsafe<Static<T> | null> {
  const { type, enum: values } = schema as TSchema & { type?: unknown; enum?: unknown };
  if (typeof type !== 'string' || values !== undefined)
    throw new TypeError('only a schema with one type and without an enum can be made nullable');
  return Type.Unsafe<Static<T> | null>({ ...schema, type: [type, 'null'] });
}

/**
 * A flag that has one value in every answer of its kind. The document says `boolean`: a constant that is not a text makes
 * clients in Java, Python, PHP and C# that do not compile.
 */
export function always<T extends boolean>(value: T): TUnsafe<T> {
  return Type.Boolean({ description: `Always ${value}.` }) as unknown as TUnsafe<T>;
}

/** A text that has one value. An `enum` of one, which all generators know. */
export function onlyText<T extends string>(value: T): TUnsafe<T> {
  return Type.String({ enum: [value], description: `Always \`${value}\`.` }) as unknown as TUnsafe<T>;
}

/** An integer that can exceed 32 bits. Without the format, clients in Java, Kotlin, C# and Rust take 32. */
export const bigInteger = (options: { description: string; minimum?: number; examples?: number[] }) =>
  Type.Integer({ format: 'int64', ...options });

/** A time in UTC, with milliseconds. */
export const timeOf = (description: string) =>
  Type.String({ format: 'date-time', description, examples: ['2026-06-15T10:30:00.000Z'] });

/** Makes the schema of an answer with one thing in `data`: a reference, or an object with a `title`. */
export function replyOf<T extends TSchema>($id: string, data: T, description: string) {
  return Type.Object(
    {
      success: always(true),
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
      success: always(true),
      message: Type.String({ description: 'For people.' }),
      data: Type.Array(item, { description: 'The entries of this page.' }),
      has_more: Type.Boolean({ description: 'There is another page.' }),
      next_cursor: nullable(
        Type.String({ description: 'The `cursor` of the next page; null on the last one.' }),
      ),
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
    Type.String({
      minLength: 1,
      maxLength: 200,
      description:
        'The `next_cursor` of the previous page, with the same filters. Only `limit` and the bounds in time may differ from page to page.',
    }),
  ),
};
