/**
 * Names of the API's headers, lower-case as Node gives them. The contract spells the three credentials with underscores:
 * nginx drops such headers without `underscores_in_headers on`, and other proxies have a switch of their own.
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
