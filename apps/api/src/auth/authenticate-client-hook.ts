import { HEADERS } from '@emr-payments/contracts';
import type { Actor } from '@emr-payments/db';
import { within } from '@emr-payments/runtime';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CLIENT_CREDENTIALS, credentialsHint } from '../errors/hints.ts';
import { sendError } from '../errors/send-error.ts';
import { knownCallerOf } from '../http/known-caller.ts';
import type { Limits } from '../limits.ts';
import type { Gate } from '../rate-limit/gate.ts';
import type { AuthenticateClient } from './credentials.ts';

/** The client of a request that concerns itself, not one of its users. */
export type ClientCaller = { clientPk: number; clientId: string };

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by `authenticateClientHook`. */
    clientCaller: ClientCaller | null;
  }
}

/** Checks `client_id` and `client_secret` before the body is read. An access token is neither needed nor checked. */
export function authenticateClientHook({
  authenticateClient,
  gate,
  limits,
}: {
  authenticateClient: AuthenticateClient;
  gate: Gate;
  limits: Limits;
}) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    if (!gate.letTry(request, reply)) return reply;
    // Node joins repeated headers with ', ', which no credential contains, so they are unknown credentials.
    const clientId = String(request.headers[HEADERS.clientId] ?? '');
    const clientSecret = String(request.headers[HEADERS.clientSecret] ?? '');
    const asked = Promise.resolve(authenticateClient({ clientId, clientSecret }));
    const result = await within(limits.waitMs, asked);
    if (result.outcome === 'invalid_client') {
      gate.failed(request, 'invalid_client');
      const hint = credentialsHint(request.headers, CLIENT_CREDENTIALS);
      return sendError(request, reply, 'invalid_client', { hint });
    }
    gate.proved(request);
    request.clientCaller = { clientPk: result.clientPk, clientId };
    const taker = { clientPk: result.clientPk, userId: null };
    return gate.letPass({ request, reply, taker }) ? undefined : reply;
  };
}

/** Returns the client of a request that passed the hook. @throws Error when a route forgot the hook: a bug. */
export function clientOf(request: FastifyRequest): ClientCaller {
  if (request.clientCaller === null) throw new Error('this route has no client hook');
  return request.clientCaller;
}

/**
 * Names the client in the audit log as the author of a request's changes, with the user for whom it acts, if any.
 *
 * @throws Error when a route forgot its authenticate hook: the header would be unchecked. A bug.
 */
export function actorOf(request: FastifyRequest): Actor {
  const caller = knownCallerOf(request);
  if (caller === null) throw new Error('this route has no hook');
  return { actor: `client:${caller.clientId}`, user: caller.user, source: caller.source };
}
