import type { Actor } from '@emr-payments/db';
import type { FastifyRequest } from 'fastify';
import { clientOf } from '../auth/authenticate-client-hook.ts';

/** Who stands in the audit log for what a client's request does. */
export function actorOf(request: FastifyRequest): Actor {
  return { actor: `client:${clientOf(request).clientId}`, source: request.ip };
}
