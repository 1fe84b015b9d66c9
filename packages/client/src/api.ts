import { randomUUID } from 'node:crypto';
import createFetchClient from 'openapi-fetch';
import { ApiError } from './api-error.ts';
import type { paths } from './api-types.ts';
import { type SendDeps, sendWithRetries } from './send-with-retries.ts';

export type Credentials = {
  /** Where the API is, such as https://payments.example.com: without /v1. */
  baseUrl: string;
  clientId: string;
  clientSecret: string;
  /** Of the user whose payments these are. */
  accessToken: string;
};

/** What every call takes besides what it is about. */
export type CallOptions = {
  /** Ends the call, its waits between retries included. */
  signal?: AbortSignal;
};

/** What every call that changes something takes. */
export type WriteOptions = CallOptions & {
  /** Your own, to go on with a request after a restart of your program; else a new one is made. Both are kept over retries. */
  idempotencyKey?: string;
};

export type Api = ReturnType<typeof openApi>;

/** The typed requests under the client's methods: credentials on each, retries below. */
export function openApi(deps: SendDeps, { baseUrl, clientId, clientSecret, accessToken }: Credentials) {
  return createFetchClient<paths>({
    baseUrl,
    headers: { client_id: clientId, client_secret: clientSecret, access_token: accessToken },
    fetch: (request) => sendWithRetries(deps, request),
  });
}

/** The header of a write. */
export function keyed({ idempotencyKey = randomUUID() }: WriteOptions) {
  return { 'Idempotency-Key': idempotencyKey };
}

/** `{ signal }` for a request, or nothing. */
export function stoppable({ signal }: CallOptions) {
  return signal === undefined ? {} : { signal };
}

/** The body of an answer. Errors have been thrown by then: what is left without a body is not the API's. */
export async function bodyOf<T>(call: Promise<{ data?: T; response: Response }>): Promise<T> {
  const { data, response } = await call;
  if (data === undefined) throw notOurs(response);
  return data;
}

/** An answer of 2xx that the document does not have. */
export function notOurs({ status, headers }: Response): ApiError {
  return new ApiError({
    code: 'unexpected_answer',
    message: `HTTP ${status} with a body that is not the API's. Does the client fit the API's version?`,
    status,
    requestId: headers.get('x-request-id'),
    safeToRetry: false,
    attempts: 1,
  });
}
