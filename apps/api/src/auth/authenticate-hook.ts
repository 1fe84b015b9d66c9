import { HEADERS } from '@emr-payments/contracts';
import { within } from '@emr-payments/runtime';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { credentialsHint, USER_CREDENTIALS } from '../errors/hints.ts';
import { sendError } from '../errors/send-error.ts';
import type { Limits } from '../limits.ts';
import type { Gate } from '../rate-limit/gate.ts';
import type { Authenticate, AuthOutcome, Caller } from './credentials.ts';

/** Dependencies of every route of a user. */
export type UserRouteDeps = { authenticate: Authenticate; gate: Gate; limits: Limits };

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by `authenticateHook`. */
    caller: Caller | null;
  }
}

type Done = (error?: Error) => void;

/**
 * Checks the three headers before the body is read, so that a stranger learns nothing about which bodies are valid. It
 * uses callbacks, because a promise for each request is measurable on the accept path.
 */
export function authenticateHook({ authenticate, gate, limits }: UserRouteDeps) {
  const settle = (result: AuthOutcome, request: FastifyRequest, reply: FastifyReply, done: Done): void => {
    if (result.outcome !== 'caller') {
      gate.failed(request, result.outcome);
      sendError(request, reply, result.outcome, { hint: credentialsHint(request.headers, USER_CREDENTIALS) });
      return;
    }
    request.caller = result.caller;
    if (gate.letPass({ request, reply, taker: result.caller })) done();
  };

  return (request: FastifyRequest, reply: FastifyReply, done: Done): void => {
    if (!gate.letTry(request, reply)) return;
    const result = authenticate(credentialsOf(request));
    if (result instanceof Promise) {
      within(limits.waitMs, result).then((late) => {
        if (late.outcome === 'caller') gate.proved(request);
        settle(late, request, reply, done);
      }, done);
    } else {
      settle(result, request, reply, done);
    }
  };
}

/** Takes the three headers of a request. */
export const credentialsOf = ({ headers }: Pick<FastifyRequest, 'headers'>): Parameters<Authenticate>[0] => ({
  clientId: single(headers[HEADERS.clientId]),
  clientSecret: single(headers[HEADERS.clientSecret]),
  accessToken: single(headers[HEADERS.accessToken]),
});

/** Node joins repeated headers of these names with ', ', which no credential contains, so they are unknown credentials. */
function single(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** Returns the caller of a request that passed the hook. @throws Error when a route forgot the hook: a bug. */
export function callerOf(request: FastifyRequest): Caller {
  if (request.caller === null) throw new Error('this route has no authenticate hook');
  return request.caller;
}
