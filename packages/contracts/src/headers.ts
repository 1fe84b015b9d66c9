/**
 * Names of the headers of the API, lower-case as Node hands them over. The three credentials are spelled with
 * underscores by contract: nginx drops such headers unless `underscores_in_headers on`, and other proxies have a
 * switch of their own.
 */
export const HEADERS = {
  clientId: 'client_id',
  clientSecret: 'client_secret',
  accessToken: 'access_token',
  idempotencyKey: 'idempotency-key',
  idempotentReplayed: 'idempotent-replayed',
  requestId: 'x-request-id',
  rateLimit: 'ratelimit',
  rateLimitPolicy: 'ratelimit-policy',
} as const;
