import { type Credentials, openApi } from './api.ts';
import { paymentMethods } from './payments.ts';
import { connectionMethods, eventMethods, jobMethods, reconciliationMethods } from './reads.ts';
import { webhookMethods } from './webhooks.ts';

export type ClientOptions = Credentials & {
  /** In place of the global one, for a proxy or for tracing. */
  fetch?: typeof globalThis.fetch;
  /** Sends after the first one; 3 unless told, 0 for none. */
  maxRetries?: number;
  /** For one send, its whole answer included; 30 s unless told. A call with its retries can take longer: give it a `signal`. */
  timeoutMs?: number;
};

export type Client = ReturnType<typeof createClient>;

/**
 * Everything that the API offers, for one user of one client. Writes carry an Idempotency-Key of their own; what is safe to
 * send again is sent again; every other failure is an `ApiError`.
 *
 * @throws TypeError when `baseUrl` is not an http or https URL.
 */
export function createClient(options: ClientOptions) {
  const { fetch = globalThis.fetch, maxRetries = 3, timeoutMs = 30_000, ...credentials } = options;
  if (!/^https?:$/.test(new URL(credentials.baseUrl).protocol)) {
    throw new TypeError('baseUrl must begin with https:// or http://');
  }
  const api = openApi({ fetch, maxRetries, timeoutMs }, credentials);
  return {
    payments: paymentMethods(api),
    jobs: jobMethods(api),
    reconciliation: reconciliationMethods(api),
    connection: connectionMethods(api),
    webhooks: webhookMethods(api),
    events: eventMethods(api),
  };
}
