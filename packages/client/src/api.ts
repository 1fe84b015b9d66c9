import { randomUUID } from 'node:crypto';
import createFetchClient from 'openapi-fetch';
import { ApiError } from './api-error.ts';
import type { paths } from './api-types.ts';
import { type SendDeps, sendWithRetries } from './send-with-retries.ts';

export type Credentials = {
  /** The API's base URL without /v1, such as https://payments.example.com. */
  baseUrl: string;
  clientId: string;
  clientSecret: string;
  /** The access token of the user whose payments you handle. */
  accessToken: string;
};

/** Options of every call. */
export type CallOptions = {
  /** Aborts the call, also while it waits between retries. */
  signal?: AbortSignal;
};

/** Options of every call that changes something. */
export type WriteOptions = CallOptions & {
  /**
   * Your own key, with which you can repeat the request after your program restarts; a new UUID by default. Retries
   * send the same key.
   */
  idempotencyKey?: string;
};

export type Api = ReturnType<typeof openApi>;

/** Opens the typed requests that the client's methods use. Each carries the credentials and is retried when that is safe. */
export function openApi(deps: SendDeps, { baseUrl, clientId, clientSecret, accessToken }: Credentials) {
  return createFetchClient<paths>({
    baseUrl,
    headers: { client_id: clientId, client_secret: clientSecret, access_token: accessToken },
    fetch: (request) => sendWithRetries(deps, request),
  });
}

/** The Idempotency-Key header of a write. */
export function keyed({ idempotencyKey = randomUUID() }: WriteOptions) {
  return { 'Idempotency-Key': idempotencyKey };
}

/** `{ signal }` when the caller gave one. */
export function stoppable({ signal }: CallOptions) {
  return signal === undefined ? {} : { signal };
}

/** Takes the body out of an answer. Errors have been thrown before, so an answer without a body is not the API's. */
export async function bodyOf<T>(call: Promise<{ data?: T; response: Response }>): Promise<T> {
  const { data, response } = await call;
  if (data === undefined) throw notOurs(response);
  return data;
}

/** The error for a 2xx answer that does not match the OpenAPI document. */
export function notOurs({ status, headers }: Response): ApiError {
  return new ApiError({
    code: 'unexpected_answer',
    message: `HTTP ${status} with a body that the API does not send. Does the client match the API's version?`,
    status,
    requestId: headers.get('x-request-id'),
    safeToRetry: false,
    attempts: 1,
  });
}
