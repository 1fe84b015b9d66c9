import { type Answer, type ExchangeRequest, exchange, type NoAnswer } from '../http/exchange.ts';
import type { Network } from '../network.ts';

/** A token's answer is small: 64 KiB hold the largest of them many times over. */
const MAX_ANSWER_BYTES = 64 * 1024;

/** Renewing has a time of its own: a caller that waits for it gives up earlier, and the call goes on. */
const NEVER = new AbortController().signal;

export type TokenRequest = {
  url: string;
  headers: Readonly<Record<string, string>>;
  body: string | null;
};

export type TokenCallDeps = {
  /** That of the connection for which the token is: the address of the token endpoint may be one of its own. */
  network: Network;
  timeoutMs: number;
  /** False: the lease of the one who renews has ended, and the request is torn down unfinished. */
  mayStillSend: () => boolean;
};

/** Makes one call of a token endpoint, bounded as every exchange is: its bytes, its time, no redirect, nothing repeated. */
export function callTokenEndpoint(
  { network, timeoutMs, mayStillSend }: TokenCallDeps,
  { url, headers, body }: TokenRequest,
): Promise<Answer | NoAnswer> {
  const request: ExchangeRequest = {
    method: 'POST',
    url,
    headers: { ...headers },
    signal: NEVER,
    timeoutMs,
    maxAnswerBytes: MAX_ANSWER_BYTES,
    body: { text: body ?? '', mayStillSend },
  };
  return exchange(network, request);
}

/** The answer of a token endpoint. `refreshToken` is null when it named none; `expiresInMs` is null when it does not say. */
export type ObtainedToken = { accessToken: string; refreshToken: string | null; expiresInMs: number | null };
