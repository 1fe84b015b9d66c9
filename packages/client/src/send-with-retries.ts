import { setTimeout as wait } from 'node:timers/promises';
import { parseRetryAfter } from '@emr-payments/outbound';
import { ApiError, readErrorReply, readJson } from './api-error.ts';
import { retryDelay } from './retry-delay.ts';

export type SendDeps = {
  fetch: typeof globalThis.fetch;
  /** Sends after the first one. */
  maxRetries: number;
  /** For one send, its whole answer included. */
  timeoutMs: number;
};

/** Proxies say with these that the other side was not reached, did not answer, or was too busy. */
const PASSING = new Set([408, 429, 502, 503, 504]);

/**
 * Sends a request until it succeeds, must not be sent again, or has been sent often enough. It is sent again when the
 * answer says `safe_to_retry`; and when no answer came, or not the API's, where that is harmless: for reads, and with an
 * Idempotency-Key, which stays the same.
 *
 * @returns an answer with a status of 2xx, its body read.
 * @throws ApiError; or the reason of the caller's signal.
 */
export async function sendWithRetries(deps: SendDeps, request: Request): Promise<Response> {
  const body = request.body === null ? null : await request.text();
  for (let attempt = 1; ; attempt += 1) {
    const result = await sendOnce(deps, { request, body, attempt });
    if (!(result instanceof ApiError)) return result;
    if (!result.safeToRetry || attempt > deps.maxRetries) throw result;
    const delay = retryDelay({ attempt, retryAfterMs: result.retryAfterMs, random: Math.random() });
    if (delay === null) throw result;
    await wait(delay, undefined, { signal: request.signal }).catch(() => request.signal.throwIfAborted());
  }
}

type Send = { request: Request; body: string | null; attempt: number };

async function sendOnce(deps: SendDeps, { request, body, attempt }: Send): Promise<Response | ApiError> {
  const repeatable = request.method === 'GET' || request.headers.has('idempotency-key');
  try {
    const response = await deps.fetch(request.url, {
      method: request.method,
      headers: request.headers,
      body,
      // The credentials are for this address alone.
      redirect: 'manual',
      signal: AbortSignal.any([request.signal, AbortSignal.timeout(deps.timeoutMs)]),
    });
    const text = await response.text();
    const { status, headers } = response;
    const csv = headers.get('content-type')?.startsWith('text/csv') === true;
    if (!response.ok || (!csv && readJson(text) === null)) {
      return errorOf({ response, text, repeatable, attempt });
    }
    return new Response(text, { status, headers });
  } catch (cause) {
    request.signal.throwIfAborted();
    return new ApiError({
      code: 'no_answer',
      message: `No answer came from ${new URL(request.url).origin}: ${reasonOf(cause)}`,
      status: null,
      requestId: null,
      safeToRetry: repeatable,
      attempts: attempt,
      cause,
    });
  }
}

function errorOf(input: {
  response: Response;
  text: string;
  repeatable: boolean;
  attempt: number;
}): ApiError {
  const { response, text, repeatable, attempt } = input;
  const { status, headers } = response;
  const retryAfterMs = parseRetryAfter(headers.get('retry-after') ?? undefined, new Date());
  const requestId = headers.get('x-request-id');
  const reply = readErrorReply(text);
  if (reply === null) {
    return new ApiError({
      code: 'unexpected_answer',
      message: `HTTP ${status}, and not from the API. Is the address right, and what is on the way to it?`,
      status,
      requestId,
      safeToRetry: repeatable && (PASSING.has(status) || response.ok),
      retryAfterMs,
      attempts: attempt,
    });
  }
  const { code, message, safe_to_retry: safeToRetry, request_id } = reply;
  return new ApiError({
    code,
    message,
    status,
    requestId: request_id,
    safeToRetry,
    retryAfterMs,
    attempts: attempt,
  });
}

/** fetch says "fetch failed" and keeps the reason in its cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error && error.cause.message !== '' ? error.cause.message : error.message;
}
