import { type OurSentence, sentence } from '@emr-payments/contracts';
import { parseRetryAfter } from '@emr-payments/outbound';
import type { Answer, NoAnswer } from '../http/exchange.ts';
import { describeNoAnswer } from '../http/no-answer.ts';
import { ownWords } from '../http/own-words.ts';
import { readJson } from '../http/read-json.ts';
import type { Trouble } from '../trouble.ts';

/** The member `error` of a refusal (RFC 6749, section 5.2); undefined when the body has none. */
function errorOf(body: string): string | undefined {
  const value = readJson(body);
  if (typeof value !== 'object' || value === null || !('error' in value)) return undefined;
  return typeof value.error === 'string' ? value.error : undefined;
}

/** Codes and sentences of a refusal by the member `error` and the status. */
function judge(answer: Answer, refreshes: boolean): Pick<Trouble, 'code' | 'detail'> {
  const { status, body } = answer;
  const says = (words: OurSentence) => sentence`The EMR's token endpoint ${words} (HTTP ${status}).`;
  if (status === 429) return { code: 'rate_limited', detail: says(sentence`asked us to slow down`) };
  const isRefusal = status >= 400 && status <= 499;
  const error = isRefusal ? errorOf(body) : undefined;
  // Some servers say it with 401. https://www.rfc-editor.org/rfc/rfc6749#section-5.2
  if (refreshes && error === 'invalid_grant') return LOGIN_REQUIRED;
  if (status === 401 || error === 'invalid_client')
    return { code: 'unauthorized', detail: says(sentence`rejected our credentials`) };
  if (status >= 300 && status <= 399)
    return { code: 'token_not_available', detail: says(sentence`answered with a redirect`) };
  if (isRefusal)
    return { code: 'token_not_available', detail: says(sentence`refused to give an access token`) };
  if (status >= 500) return { code: 'token_not_available', detail: says(sentence`failed`) };
  return { code: 'token_not_available', detail: says(sentence`gave an answer without an access token`) };
}

export const LOGIN_REQUIRED: Trouble = {
  code: 'login_required',
  detail: sentence`The EMR's login of this connection has ended: a person has to log in again.`,
};

/**
 * Puts an answer without a token into our words. The vendor's own words go apart, without the credentials that it may repeat. An
 * answer that says success keeps its words to itself: they may be a token.
 */
export function troubleOf(
  answer: Answer,
  { refreshes, secrets }: { refreshes: boolean; secrets: readonly string[] },
): Trouble {
  const retryAfterMs = parseRetryAfter(answer.headers, new Date());
  const words = secrets
    .filter((secret) => secret !== '')
    .flatMap((secret) => [secret, new URLSearchParams({ s: secret }).toString().slice(2)])
    .reduce((text, secret) => text.replaceAll(secret, '[credential]'), answer.body);
  return {
    ...judge(answer, refreshes),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(answer.status >= 400 ? ownWords(words) : {}),
  };
}

/** Puts a call without a complete answer into our words; its code is that of the network. */
export function noAnswerTrouble(result: NoAnswer): Trouble {
  const { code, detail } = describeNoAnswer(result);
  // The one who renews has lost its lease, not the payment its claim.
  if (code === 'claim_lost') return NOT_RENEWED;
  return { code, detail: sentence`There is no access token. ${detail}` };
}

export const NOT_RENEWED: Trouble = {
  code: 'token_not_available',
  detail: sentence`The EMR's access token could not be renewed in time.`,
};
