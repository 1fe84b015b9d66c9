import { setTimeout as wait } from 'node:timers/promises';
import { parseRetryAfter } from '@emr-payments/outbound';
import { ApiError, readErrorReply, readJson } from './api-error.ts';
import { retryDelay } from './retry-delay.ts';

export type SendDeps = {
  fetch: typeof globalThis.fetch;
  /** The number of retries after the first send. */
  maxRetries: number;
  /** Time limit of one send including its whole answer. */
  timeoutMs: number;
};

/** Methods whose repeat changes nothing a second time. */
const REPEATABLE = new Set(['GET', 'PUT']);

/** Statuses by which a proxy says that the server was unreachable, silent or too busy. */
const TEMPORARY = new Set([408, 429, 502, 503, 504]);

/**
 * Sends a request until it succeeds, must not be retried, or has used up its retries. It is retried when the answer says
 * `safe_to_retry`. When no answer came, or not one of the API, it is retried only if a repeat is harmless: for reads, and
 * for requests with an Idempotency-Key, which stays the same.
 *
 * @returns an answer with a 2xx status, its body already read.
 * @throws ApiError, or the reason of the caller's signal.
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
  const repeatable = REPEATABLE.has(request.method) || request.headers.has('idempotency-key');
  try {
    const response = await deps.fetch(request.url, {
      method: request.method,
      headers: request.headers,
      body,
      // A redirect is not followed: the credentials must not reach another address.
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
  const retryAfterMs = parseRetryAfter(
    { 'retry-after': headers.get('retry-after') ?? undefined, date: headers.get('date') ?? undefined },
    new Date(),
  );
  const requestId = headers.get('x-request-id');
  const reply = readErrorReply(text);
  if (reply === null) {
    return new ApiError({
      code: 'unexpected_answer',
      message: `HTTP ${status} that did not come from the API. Is baseUrl right, and is there a proxy in between?`,
      status,
      requestId,
      safeToRetry: repeatable && (TEMPORARY.has(status) || response.ok),
      retryAfterMs,
      attempts: attempt,
    });
  }
  const { code, message, hint, safe_to_retry: safeToRetry, request_id } = reply;
  return new ApiError({
    code,
    message,
    hint,
    status,
    requestId: request_id,
    safeToRetry,
    retryAfterMs,
    attempts: attempt,
  });
}

/** Finds the reason in the error's cause: fetch's own message is only "fetch failed". */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error && error.cause.message !== '' ? error.cause.message : error.message;
}
