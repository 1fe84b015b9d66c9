import { type Static, type TSchema, Type } from '@sinclair/typebox';
import { PAGE_QUERY } from '../replies.ts';
import { textOf } from '../text-rules.ts';

/** Refers to a schema by its `$id`, with the same static type. */
export const refTo = <T extends TSchema>(schema: T) => Type.Unsafe<Static<T>>({ $ref: `${schema.$id}#` });

export const clientId = Type.String({
  description: 'Public id of the client.',
  examples: ['ci_live_1J9X2q2eZvKYlo2CluR9g9gVabcdefgh'],
});
export const userId = Type.String({
  description: 'Public id of the user, in events `access_token_reference_id`.',
  examples: ['user_1J9X2q2eZvKYlo2Cxyz'],
});
export const endpointId = Type.String({
  description: 'Id of the webhook endpoint.',
  examples: ['we_1J9X2q2eZvKYlo2CluR9g9gV'],
});

/** A name for people, as a body gives it. */
export const nameOf = (description: string, examples: string[]) =>
  Type.String({ minLength: 1, maxLength: 255, ...textOf('line'), description, examples });

/** A filter by an id. */
export const filterOf = (description: string) =>
  Type.Optional(Type.String({ minLength: 1, maxLength: 255, description }));

/** A query of a list that has no filter. */
export const PageQuerySchema = Type.Object({ ...PAGE_QUERY }, { additionalProperties: false });

/** A map of names to texts. */
export const textsOf = (description: string, examples: Record<string, string>[]) =>
  Type.Unsafe<Record<string, string>>({
    type: 'object',
    additionalProperties: { type: 'string', maxLength: 20_000 },
    maxProperties: 50,
    description,
    examples,
  });

export const LONGEST_OVERLAP_SECONDS = 604_800;

/** Body of every rotation of a secret. */
export const RotateBodySchema = Type.Object(
  {
    overlap_seconds: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: LONGEST_OVERLAP_SECONDS,
        description:
          'How long the old one stays valid: 0 to 7 days, by default a day. Use 0 when it has leaked.',
        examples: [86_400],
      }),
    ),
  },
  {
    $id: 'OperatorRotate',
    additionalProperties: false,
    description: 'How the old secret is replaced.',
    examples: [{ overlap_seconds: 86_400 }],
  },
);

/** The example of an answer. */
export const replyExample = (message: string, data: unknown) => ({ success: true, message, data });
/** The example of a page. */
export const listExample = (message: string, item: unknown) => ({
  ...replyExample(message, [item]),
  has_more: false,
  next_cursor: null,
});
export const AT = '2026-06-15T10:30:00.000Z';

/** Adds the example of an answer to its schema. */
export const withExample = <T extends TSchema>(schema: T, example: unknown): T => ({
  ...schema,
  examples: [example],
});
