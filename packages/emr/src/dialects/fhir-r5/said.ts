import type { Answer } from '../../http/exchange.ts';
import { OperationOutcomeSchema, parseAs } from './resources.ts';

/** Longest text of a server that is shown, in code points. */
const LONGEST_TEXT = 300;
/** Enough of a page to find its text in. */
const LONGEST_PAGE = 20_000;

/** Takes the markup out of a page, such as the one that a proxy answers with. */
const withoutMarkup = (page: string): string =>
  page
    .slice(0, LONGEST_PAGE)
    .replace(/<(script|style)\b.*?(?:<\/\1\s*>|$)/gis, ' ')
    .replace(/<[^>]*>/g, ' ');

/** One line without control characters and halves of surrogate pairs, cut at a code point. */
function oneLine(text: string): string {
  const clean = text
    .replace(/[\s\p{Cc}\p{Cs}]+/gu, ' ')
    .replace(/[\u202a-\u202e\u2066-\u2069]/g, '')
    .trim();
  const points = [...clean];
  return points.length <= LONGEST_TEXT ? clean : `${points.slice(0, LONGEST_TEXT - 1).join('')}…`;
}

/**
 * Reads a server's own words from an answer: those of its OperationOutcome, else the text of its body. They are for the operator
 * only, because they may hold anything.
 *
 * @param secrets are taken out: a server may repeat the token that it rejects.
 */
export function wordsOf({ body }: Pick<Answer, 'body'>, secrets: readonly string[]): string {
  const outcome = parseAs(OperationOutcomeSchema, body);
  const words =
    outcome === null
      ? withoutMarkup(body)
      : outcome.issue.map(({ details, diagnostics }) => details?.text ?? diagnostics ?? '').join(' ');
  return oneLine(secrets.reduce((text, secret) => text.replaceAll(secret, '[credential]'), words));
}

/** A request as the operator reads it, with what came of it. */
export type Refusal = { request: string; status: number | null; words: string };

/** Names the request, the status and the server's own words: `GET /metadata answered HTTP 401: Token expired.` */
export function refusalSentence({ request, status, words }: Refusal, { detail }: { detail: string }): string {
  if (status === null) return `${request} failed: ${detail}`;
  const said = words === '' ? ' without a text.' : `: ${/[.!?…]$/.test(words) ? words : `${words}.`}`;
  return `${request} answered HTTP ${status}${said} ${detail}`;
}
