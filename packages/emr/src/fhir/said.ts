import type { Answer } from '../http/exchange.ts';
import { wordsFor } from '../http/refusal-sentence.ts';
import { OperationOutcomeSchema, parseAs } from './resources.ts';

/** Reads a server's own words from an answer: those of its OperationOutcome, else the text of its body. */
export function wordsOf({ body }: Pick<Answer, 'body'>, secrets: readonly string[]): string {
  const outcome = parseAs(OperationOutcomeSchema, body);
  if (outcome === null) return wordsFor(body, secrets);
  return wordsFor(
    outcome.issue.map(({ details, diagnostics }) => details?.text ?? diagnostics ?? '').join(' '),
    secrets,
  );
}
