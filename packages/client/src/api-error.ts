import type { ErrorCode, ErrorReply } from './schemas.ts';

/**
 * Beside the API's own codes, of which there may be more than this client knows:
 * - `no_answer`: the connection failed or the time ran out; `cause` says how;
 * - `unexpected_answer`: something answered that is not the API, such as a proxy on the way.
 */
export type ApiErrorCode = ErrorCode | 'no_answer' | 'unexpected_answer' | (string & {});

export type ApiErrorDetails = {
  code: ApiErrorCode;
  message: string;
  /** Of the answer; null when none came. */
  status: number | null;
  requestId: string | null;
  safeToRetry: boolean;
  /** What `Retry-After` asked for, in milliseconds. */
  retryAfterMs?: number | undefined;
  /** How often the request was sent. */
  attempts: number;
  cause?: unknown;
};

/** A request that did not succeed, after the retries that were safe. Decide by `code`; quote `requestId`. */
export class ApiError extends Error {
  override name = 'ApiError';
  readonly code: ApiErrorCode;
  readonly status: number | null;
  readonly requestId: string | null;
  /** Whether the same request, with the same Idempotency-Key, may be sent again later. */
  readonly safeToRetry: boolean;
  readonly retryAfterMs: number | undefined;
  readonly attempts: number;

  constructor({ message, cause, ...details }: ApiErrorDetails) {
    super(message, { cause });
    this.code = details.code;
    this.status = details.status;
    this.requestId = details.requestId;
    this.safeToRetry = details.safeToRetry;
    this.retryAfterMs = details.retryAfterMs;
    this.attempts = details.attempts;
  }
}

/** The API's error body, or null when the text is none. A field that it should have and has not makes it none. */
export function readErrorReply(text: string): (Omit<ErrorReply, 'code'> & { code: string }) | null {
  const reply = readJson(text);
  if (reply === null || typeof reply !== 'object') return null;
  const { code, message, request_id, safe_to_retry } = reply as Partial<ErrorReply>;
  if (typeof code !== 'string' || typeof message !== 'string') return null;
  if (typeof request_id !== 'string' || typeof safe_to_retry !== 'boolean') return null;
  return { success: false, code, message, request_id, safe_to_retry };
}

/** Null for what is not JSON. */
export function readJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}
