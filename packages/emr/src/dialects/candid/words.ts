import { type Static, Type } from '@sinclair/typebox';
import { ownWords } from '../../http/own-words.ts';
import { readJsonAs } from '../../http/read-json.ts';
import type { Trouble } from '../../trouble.ts';

/** Candid's errors: a name, and a content that depends on it. */
const ErrorSchema = Type.Object({
  errorName: Type.String(),
  content: Type.Optional(
    Type.Object({ message: Type.Optional(Type.String()), id: Type.Optional(Type.String()) }),
  ),
});
export type CandidError = Static<typeof ErrorSchema>;

/** Null for a body that has not the form of Candid's errors, such as a gateway's page. */
export const errorOf = (body: string): CandidError | null => readJsonAs(ErrorSchema, body);

/** The vendor's own words in an answer: the message of an error, else the whole body. */
export const wordsIn = (body: string): string => errorOf(body)?.content?.message ?? body;

/** Puts the vendor's words into the trouble of an answer. */
export function withWords({ emrText: _, ...trouble }: Trouble, { body }: { body: string }): Trouble {
  return { ...trouble, ...ownWords(wordsIn(body)) };
}
