import { type Credentials, openApi } from './api.ts';
import { connectSessionMethods } from './connect-sessions.ts';
import { patientMethods } from './patients.ts';
import { paymentMethods } from './payments.ts';
import { connectionMethods, eventMethods, jobMethods, reconciliationMethods } from './reads.ts';
import { webhookMethods } from './webhooks.ts';

export type ClientOptions = Credentials & {
  /** Used instead of the global fetch, for example for a proxy or for tracing. */
  fetch?: typeof globalThis.fetch;
  /** The number of retries after the first send; 3 by default, 0 for none. */
  maxRetries?: number;
  /**
   * Time limit of one send including its whole answer; 30 s by default. A call with its retries can take longer:
   * limit it with a `signal`.
   */
  timeoutMs?: number;
};

export type Client = ReturnType<typeof createClient>;

/**
 * Creates a client that offers everything the API does, for one user of one client. Every write carries an
 * Idempotency-Key. Requests are retried when that is safe; every other failure is an `ApiError`.
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
    patients: patientMethods(api),
    jobs: jobMethods(api),
    reconciliation: reconciliationMethods(api),
    connection: connectionMethods(api),
    connectSessions: connectSessionMethods(api),
    webhooks: webhookMethods(api),
    events: eventMethods(api),
  };
}
