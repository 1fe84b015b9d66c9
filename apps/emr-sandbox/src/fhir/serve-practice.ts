import type { FastifyInstance } from 'fastify';
import type { DialectDeps } from '../dialect.ts';
import { createIssuedTokens } from '../issued-tokens.ts';
import { requireToken, serveFhir } from './fhir-server.ts';
import { metadataRoutes, type Release } from './metadata-routes.ts';
import { OAUTH_PATHS, OPEN_PATHS, oauthRoutes, TOKEN_SECONDS } from './oauth-routes.ts';
import { practiceRoutes } from './practice-routes.ts';
import { terminologyRoutes } from './terminology-routes.ts';

/**
 * Serves all of a FHIR server but its payments: the statement, the practice, its lists, and a token endpoint. A request needs the
 * sandbox's token, or one of the token endpoint; each prefix has tokens and clients of its own.
 *
 * @param release.needsToken true: a request without a bearer token is refused although the sandbox has no token of its own.
 */
export async function servePractice(
  scope: FastifyInstance,
  { practice, changes, capabilities, credentials, applications, logger }: DialectDeps,
  { needsToken, ...release }: Release & { needsToken: boolean },
): Promise<void> {
  const tokens = createIssuedTokens({ credentials }, { livesSeconds: TOKEN_SECONDS });
  serveFhir(scope, { logger, other: OAUTH_PATHS });
  requireToken(scope, {
    isNeeded: () => needsToken || credentials.secret() !== undefined,
    accepts: (given) => tokens.accepts(given) || credentials.isSecret(given),
    open: OPEN_PATHS,
  });
  await metadataRoutes(scope, { capabilities, since: new Date() }, release);
  await practiceRoutes(scope, { practice, changes });
  await terminologyRoutes(scope, { practice });
  await oauthRoutes(scope, { tokens, credentials, applications });
}
