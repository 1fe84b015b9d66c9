import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type ConnectPageDeps, redirectUriOf } from './page-deps.ts';
import type { Visitors } from './visitors.ts';

/** Names of the notices that the page shows when the EMR sent the person back without a login. Only such a name is in the address. */
const NOTICES = {
  denied: 'denied',
  refused: 'refused',
  not_trusted: 'not-trusted',
  not_expected: 'not-expected',
  not_lasting: 'not-lasting',
  no_application: 'refused',
  unavailable: 'unavailable',
  too_many_tries: 'tries',
  over: 'over',
} as const;

/**
 * `GET /connect/callback`: the browser comes back from the EMR's login. The code in its address is exchanged here, once, and the browser
 * goes on to the page without it. The state belongs to the session of this browser's cookie, so a return that somebody else began
 * gives nothing.
 */
export function callbackRoute(
  app: FastifyInstance,
  { publicUrl, keyring, sandboxHosts, logger, visitors }: ConnectPageDeps & { visitors: Visitors },
): void {
  /** Ends the login, and names the notice with which the page goes on; null: it has worked. */
  async function finish(request: FastifyRequest): Promise<string | null> {
    const found = await visitors.sessionOf(request);
    if (found === null) return 'no-session';
    const { session, connecting } = found;
    const { database, operations } = connecting;
    const parameters = new URLSearchParams(request.url.split('?').slice(1).join('?'));
    const input = { session, parameters, redirectUri: redirectUriOf(publicUrl) };
    const result = await visitors.work(session, () =>
      operations.loggedIn({ database, keyring, sandboxHosts }, input),
    );
    if (result.outcome === 'logged_in') return null;
    if (result.outcome === 'not_expected') visitors.failed(request);
    const code = result.outcome === 'unavailable' ? result.trouble.code : result.outcome;
    logger.warn(
      { request_id: request.id, client_id: session.clientId, code },
      'a login at an EMR gave nothing',
    );
    return NOTICES[result.outcome];
  }

  app.get('/connect/callback', { schema: { hide: true } }, async (request, reply) => {
    if (!visitors.letTry(request, reply)) return reply;
    // A person is there, not a program: a fault leads to the page too, and takes the code out of the browser's address.
    const notice = await finish(request).catch((err: unknown) => {
      logger.error({ err, request_id: request.id }, 'a login at an EMR could not be finished');
      return 'failed';
    });
    return reply.redirect(`${publicUrl}/connect${notice === null ? '' : `?notice=${notice}`}`, 303);
  });
}
