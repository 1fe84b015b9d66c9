import type { FastifyInstance, LightMyRequestResponse } from 'fastify';

export type Send = (
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
  url: string,
  options?: { body?: unknown; key?: string },
) => Promise<LightMyRequestResponse>;

/** Requests with a client's two headers, and no access token. */
export function requestsOf(
  app: FastifyInstance,
  { client_id, client_secret }: { client_id: string; client_secret: string },
): Send {
  return (method, url, { body, key } = {}) =>
    app.inject({
      method,
      url,
      headers: {
        client_id,
        client_secret,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(key === undefined ? {} : { 'idempotency-key': key }),
      },
      ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
    });
}
