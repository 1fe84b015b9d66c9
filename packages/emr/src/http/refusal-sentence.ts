import { cleanText, clip } from '@emr-payments/runtime';

/** Longest text of a server that is shown, in code points. */
const LONGEST_TEXT = 300;
/** Enough of a page to find its text in. */
const LONGEST_PAGE = 20_000;

/** Takes the markup out of a page, such as the one that a proxy answers with. */
const withoutMarkup = (page: string): string =>
  clip(page, LONGEST_PAGE)
    .replace(/<(script|style)\b.*?(?:<\/\1\s*>|$)/gis, ' ')
    .replace(/<[^<>]*>/g, ' ');

/** Words of a server on one line, as they can be stored and shown. */
const oneLine = (text: string): string => cleanText(text).replace(/\s+/g, ' ').trim();

/**
 * Makes the words that an operator reads of a server's own text or page. They are for the operator only, because they may hold
 * anything.
 *
 * @param secrets are taken out: a server may repeat the token that it rejects.
 */
export function wordsFor(text: string, secrets: readonly string[]): string {
  // After the cleaning: a secret with a control character inside would pass unseen, and be put together by it.
  const shown = secrets
    .filter((secret) => secret !== '')
    .reduce((words, secret) => words.replaceAll(secret, '[credential]'), oneLine(withoutMarkup(text)));
  return clip(shown, LONGEST_TEXT);
}

/** A request as the operator reads it, with what came of it. */
export type Refusal = { request: string; status: number | null; words: string };

/** Names the request, the status and the server's own words: `GET /metadata answered HTTP 401: Token expired.` */
export function refusalSentence({ request, status, words }: Refusal, { detail }: { detail: string }): string {
  const said = words === '' ? '' : `: ${/[.!?…]$/.test(words) ? words : `${words}.`}`;
  if (status === null) return `${request} failed${said === '' ? ':' : said} ${detail}`;
  return `${request} answered HTTP ${status}${said === '' ? ' without a text.' : said} ${detail}`;
}
