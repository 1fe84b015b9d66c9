import { HEADERS } from '@emr-payments/contracts';
import type { FastifyRequest } from 'fastify';

/** The form of a client id. No secret and no token of ours has it. */
const CLIENT_ID = /^ci_[\w-]{1,64}$/;

/**
 * Returns the client id that a request gives, before it was checked; null when the header is missing or has anything else in
 * it. A secret that was pasted into the wrong header thus reaches neither the log nor the audit log.
 */
export function claimedClientId(request: FastifyRequest): string | null {
  const claimed = request.headers[HEADERS.clientId];
  return typeof claimed === 'string' && CLIENT_ID.test(claimed) ? claimed : null;
}
