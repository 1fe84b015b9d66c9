import type { ErrorReply } from './schemas.ts';

/**
 * The API's own codes, of which a newer API may have more than this client knows, and two of the client:
 * - `no_answer`: the connection failed or the request timed out; `cause` has the reason;
 * - `unexpected_answer`: the answer did not come from the API but, for example, from a proxy in between.
 */
export type ApiErrorCode = 'no_answer' | 'unexpected_answer' | (string & {});

export type ApiErrorDetails = {
  code: ApiErrorCode;
  message: string;
  /** A likely mistake in the request, for people; most errors have none. */
  hint?: string | undefined;
  /** The HTTP status; null when no answer came. */
  status: number | null;
  requestId: string | null;
  safeToRetry: boolean;
  /** The value of the `Retry-After` header in milliseconds. */
  retryAfterMs?: number | undefined;
  /** The number of times the request was sent. */
  attempts: number;
  cause?: unknown;
};

/** A request that failed after all safe retries. Branch on `code`; quote `requestId` when you ask for help. */
export class ApiError extends Error {
  override name = 'ApiError';
  readonly code: ApiErrorCode;
  /** A likely mistake in the request and its remedy, for people: for example which header is missing. */
  readonly hint: string | undefined;
  readonly status: number | null;
  readonly requestId: string | null;
  /** True if you may send the same request with the same Idempotency-Key again later. */
  readonly safeToRetry: boolean;
  readonly retryAfterMs: number | undefined;
  readonly attempts: number;

  constructor({ message, cause, ...details }: ApiErrorDetails) {
    super(message, { cause });
    this.code = details.code;
    this.hint = details.hint;
    this.status = details.status;
    this.requestId = details.requestId;
    this.safeToRetry = details.safeToRetry;
    this.retryAfterMs = details.retryAfterMs;
    this.attempts = details.attempts;
  }
}

/** Reads the API's error body; null when the text is not one or lacks one of its fields. */
export function readErrorReply(text: string): (Omit<ErrorReply, 'code'> & { code: string }) | null {
  const reply = readJson(text);
  if (reply === null || typeof reply !== 'object') return null;
  const { code, message, hint, request_id, safe_to_retry } = reply as Partial<ErrorReply>;
  if (typeof code !== 'string' || typeof message !== 'string') return null;
  if (typeof request_id !== 'string' || typeof safe_to_retry !== 'boolean') return null;
  const hinted = typeof hint === 'string' ? { hint } : {};
  return { success: false, code, message, ...hinted, request_id, safe_to_retry };
}

/** Parses JSON; null when the text is not JSON. */
export function readJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}
