import { HEADERS } from '@emr-payments/contracts';
import type { AuditCounter } from '@emr-payments/db';
import { counted, hashSecret } from '@emr-payments/runtime';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { sendError } from '../errors/send-error.ts';
import { claimedClientId } from '../http/claimed-client-id.ts';
import { sourceOf } from '../http/source.ts';
import type { RateLimiter, Taker } from './rate-limiter.ts';
import type { SourceFailures } from './source-failures.ts';

/** The limits before and after the check of credentials. */
export type Gate = {
  /** Before the check: refuses an address with too many failures. false: the request has been answered. */
  letTry(request: FastifyRequest, reply: FastifyReply): boolean;
  /** The credentials were rejected. */
  failed(request: FastifyRequest, code: 'invalid_client' | 'user_not_found'): void;
  /** The credentials were accepted after a look-up: this client is remembered for its address. */
  proved(request: FastifyRequest): void;
  /** Counts a request with accepted credentials. false: it exceeds a limit and has been answered. */
  letPass(context: { request: FastifyRequest; reply: FastifyReply; taker: Taker }): boolean;
};

export type GateDeps = {
  limiter: RateLimiter;
  sources: SourceFailures;
  /** Counts failures for the audit log. */
  audit: Pick<AuditCounter, 'credentials' | 'notFound'>;
  /** The limit that `sources` was made with. */
  failuresPerMinute: number;
};

/** Enforces the rate limits: a request over one of them gets a 429 before its body is read. */
export function createGate({ limiter, sources, audit, failuresPerMinute }: GateDeps): Gate {
  return {
    letTry(request, reply) {
      const source = sourceOf(request);
      const seconds = sources.blockedFor(source, clientIdOf(request));
      if (seconds === 0) return true;
      audit.credentials({ source, code: 'rate_limited', clientId: claimedClientId(request) });
      refuse(request, reply, {
        seconds,
        limit: `at most ${counted(failuresPerMinute, { one: 'failed authentication' })} a minute from one address`,
      });
      return false;
    },
    failed(request, code) {
      const source = sourceOf(request);
      sources.failed(source);
      audit.credentials({ source, code, clientId: claimedClientId(request) });
      const token = request.headers[HEADERS.accessToken];
      if (code === 'user_not_found' && typeof token === 'string' && token !== '') {
        // The client has proved itself. The token may be another client's; only its hash is kept.
        const caller = { clientId: clientIdOf(request), user: null, source };
        audit.notFound(caller, { kind: 'user', id: hashSecret(token).toString('hex') });
      }
    },
    proved(request) {
      sources.proved(sourceOf(request), clientIdOf(request));
    },
    letPass({ request, reply, taker }) {
      if (limiter.policy === null) return true;
      const taken = limiter.take(taker);
      reply.header(HEADERS.rateLimitPolicy, limiter.policy);
      reply.header(HEADERS.rateLimit, taken.remaining);
      if (taken.outcome === 'passed') return true;
      refuse(request, reply, { seconds: taken.retryAfterSeconds, limit: taken.limit });
      return false;
    },
  };
}

function clientIdOf(request: FastifyRequest): string {
  return String(request.headers[HEADERS.clientId] ?? '');
}

function refuse(
  request: FastifyRequest,
  reply: FastifyReply,
  { seconds, limit }: { seconds: number; limit: string },
): void {
  reply.header('retry-after', String(seconds));
  sendError(request, reply, 'rate_limited', { limit });
}
