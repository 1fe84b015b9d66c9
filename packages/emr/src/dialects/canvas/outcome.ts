import { type Static, Type } from '@sinclair/typebox';
import { ownWords } from '../../http/own-words.ts';
import { readJsonAs } from '../../http/read-json.ts';

const OperationOutcomeSchema = Type.Object({
  resourceType: Type.Literal('OperationOutcome'),
  issue: Type.Array(
    Type.Object({
      severity: Type.Optional(Type.String()),
      code: Type.Optional(Type.String()),
      details: Type.Optional(Type.Object({ text: Type.Optional(Type.String()) })),
      diagnostics: Type.Optional(Type.String()),
    }),
    { minItems: 1 },
  ),
});
export type CanvasOutcome = Static<typeof OperationOutcomeSchema>;

/** Every error of Canvas is an OperationOutcome (https://docs.canvasmedical.com/api/errors). @returns null for any other body. */
export const outcomeIn = (body: string): CanvasOutcome | null => readJsonAs(OperationOutcomeSchema, body);

/** The texts of an OperationOutcome, else the whole body. */
export function saidBy(body: string): string {
  const texts = outcomeIn(body)?.issue.flatMap(({ details, diagnostics }) => [
    ...(details?.text === undefined ? [] : [details.text]),
    ...(diagnostics === undefined ? [] : [diagnostics]),
  ]);
  return texts === undefined || texts.length === 0 ? body : texts.join(' ');
}

export const wordsOf = (body: string) => ownWords(saidBy(body));
