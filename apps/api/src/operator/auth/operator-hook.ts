import type { AuditCounter } from '@emr-payments/db';
import { counted, hashSecret, within } from '@emr-payments/runtime';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { sendError } from '../../errors/send-error.ts';
import { sourceOf } from '../../http/source.ts';
import type { Limits } from '../../limits.ts';
import { createRateLimiter } from '../../rate-limit/rate-limiter.ts';
import type { SourceFailures } from '../../rate-limit/source-failures.ts';
import { scopeOf } from '../operation.ts';
import type { OperatorCheck } from './operator-check.ts';

export type OperatorHookDeps = {
  check: OperatorCheck;
  sources: SourceFailures;
  /** The limit that `sources` was made with. */
  failuresPerMinute: number;
  /** Requests a second of one key, in this process; 0 means no limit. */
  perSecond: number;
  audit: Pick<AuditCounter, 'credentials'>;
  limits: Limits;
};

/** Reads `Authorization: Bearer …`; the scheme in any case (RFC 7235, section 2.1: https://www.rfc-editor.org/rfc/rfc7235#section-2.1). */
function bearerOf({ headers: { authorization } }: FastifyRequest): string | null {
  return /^bearer +(\S+)$/i.exec(authorization ?? '')?.[1] ?? null;
}

function hintOf(request: FastifyRequest, secret: string | null): string | undefined {
  const { authorization } = request.headers;
  if (authorization === undefined)
    return 'The header `Authorization` is missing: send `Authorization: Bearer op_…`.';
  return secret === null ? 'Send `Authorization: Bearer op_…`, with nothing after the key.' : undefined;
}

/**
 * Checks the operator key and the scope that the route takes, before the body is read. Rejected keys count against their address as
 * rejected credentials of clients do, and are in the audit log: a key that has ended by its id, any other without a name.
 */
export function operatorHook(deps: OperatorHookDeps) {
  const { check, sources, failuresPerMinute, perSecond, audit, limits } = deps;
  const limiter = createRateLimiter({ clientPerSecond: perSecond, userPerSecond: 0 });

  const limited = (request: FastifyRequest, reply: FastifyReply, seconds: number, limit: string) => {
    reply.header('retry-after', String(seconds));
    return sendError(request, reply, 'rate_limited', { limit });
  };

  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    const source = sourceOf(request);
    const secret = bearerOf(request);
    const name = secret === null ? '' : hashSecret(secret).toString('base64');
    const seconds = sources.blockedFor(source, name);
    if (seconds > 0) {
      audit.credentials({ source, code: 'rate_limited', clientId: null, operatorKeyId: null });
      const limit = `at most ${counted(failuresPerMinute, { one: 'failed authentication' })} a minute from one address`;
      return limited(request, reply, seconds, limit);
    }
    const checked =
      secret === null
        ? ({ outcome: 'invalid', keyId: null } as const)
        : await within(limits.waitMs, check(secret));
    if (checked.outcome === 'invalid') {
      sources.failed(source);
      const { keyId } = checked;
      audit.credentials({ source, code: 'invalid_operator_key', clientId: null, operatorKeyId: keyId });
      reply.header('www-authenticate', 'Bearer');
      return sendError(request, reply, 'invalid_operator_key', { hint: hintOf(request, secret) });
    }
    sources.proved(source, name);
    const { caller } = checked;
    request.operator = caller;
    const taken = limiter.take({ clientPk: caller.keyPk, userId: null });
    if (taken.outcome === 'refused') {
      const limit = `at most ${perSecond} a second for each operator key`;
      return limited(request, reply, taken.retryAfterSeconds, limit);
    }
    const scope = scopeOf(request.routeOptions.schema);
    if (caller.scopes.includes(scope)) return undefined;
    // A key that is tried beyond its scopes may have been stolen.
    audit.credentials({ source, code: 'scope_missing', clientId: null, operatorKeyId: caller.keyId });
    return sendError(request, reply, 'scope_missing', { scope });
  };
}
