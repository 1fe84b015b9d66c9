import { type BrowserSession, findBrowserSession } from '@emr-payments/db';
import { createShares, within } from '@emr-payments/runtime';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { sendError } from '../errors/send-error.ts';
import { sourceOf } from '../http/source.ts';
import type { Limits } from '../limits.ts';
import { createSourceFailures } from '../rate-limit/source-failures.ts';
import type { SessionCookie } from './browser.ts';
import type { Connecting, LateConnect } from './late-connect.ts';

/** Links and cookies that are unknown, from one address in a minute. They have 192 random bits: this bounds the work, not the guessing. */
const FAILURES_PER_MINUTE = 60;

/** The people on the connect page. */
export type Visitors = {
  /** Reads the session of a request; null when there is none, and the request has not been answered. */
  sessionOf(request: FastifyRequest): Promise<{ session: BrowserSession; connecting: Connecting } | null>;
  /** Refuses an address that brought too much that is unknown. false: the request has been answered. */
  letTry(request: FastifyRequest, reply: FastifyReply): boolean;
  /** Counts a link's secret or a cookie that belongs to no session against the address of the request. */
  failed(request: FastifyRequest): void;
  /** Does what makes calls to an EMR, in the share of the integrator whose link it is. */
  work<T>(session: BrowserSession, run: () => Promise<T>): Promise<T>;
};

export function openVisitors(
  { late, limits }: { late: LateConnect; limits: Limits },
  cookie: SessionCookie,
): Visitors {
  const sources = createSourceFailures(FAILURES_PER_MINUTE);
  const shares = createShares({
    places: 16,
    perOwner: 8,
    waitingPerOwner: 20,
    waitMs: 5000,
    work: 'connections of one client that are tried',
  });
  const letTry: Visitors['letTry'] = (request, reply) => {
    const seconds = sources.blockedFor(sourceOf(request), '');
    if (seconds === 0) return true;
    reply.header('retry-after', String(seconds));
    sendError(request, reply, 'rate_limited', {
      limit: `at most ${FAILURES_PER_MINUTE} unknown links a minute from one address`,
    });
    return false;
  };
  const failed: Visitors['failed'] = (request) => sources.failed(sourceOf(request));
  return {
    letTry,
    failed,
    async sessionOf(request) {
      const secret = cookie.read(request);
      if (secret === null) return null;
      const connecting = await late.open();
      const found = await within(limits.waitMs, findBrowserSession(connecting, { cookie: secret }));
      if (found === null) failed(request);
      return found === null ? null : { session: found, connecting };
    },
    work: ({ clientPk }, run) => shares.run(clientPk, run),
  };
}
