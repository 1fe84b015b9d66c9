import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import type { DialectDeps } from '../dialect.ts';
import { createIssuedTokens } from '../issued-tokens.ts';
import { requireToken, serveFhir } from './fhir-server.ts';
import { metadataRoutes, type Release } from './metadata-routes.ts';
import { OAUTH_PATHS, OPEN_PATHS, oauthRoutes, TOKEN_SECONDS } from './oauth-routes.ts';
import { practiceRoutes } from './practice-routes.ts';
import { terminologyRoutes } from './terminology-routes.ts';

const hash = (text: string) => createHash('sha256').update(text).digest();

/**
 * Serves all of a FHIR server but its payments: the statement, the practice, its lists, and a token endpoint. A request needs the
 * sandbox's token, or one of the token endpoint; each prefix has tokens and clients of its own.
 *
 * @param release.needsToken true: a request without a bearer token is refused although the sandbox has no token of its own.
 */
export async function servePractice(
  scope: FastifyInstance,
  { ledger, practice, capabilities, token, logger }: DialectDeps,
  { needsToken, ...release }: Release & { needsToken: boolean },
): Promise<void> {
  const tokens = createIssuedTokens({ livesSeconds: TOKEN_SECONDS });
  const isStatic = (given: string) => token === undefined || timingSafeEqual(hash(given), hash(token));
  serveFhir(scope, { logger, other: OAUTH_PATHS });
  if (needsToken || token !== undefined)
    requireToken(scope, { accepts: (given) => tokens.accepts(given) || isStatic(given), open: OPEN_PATHS });
  await metadataRoutes(scope, { capabilities, since: new Date() }, release);
  await practiceRoutes(scope, { ledger, practice });
  await terminologyRoutes(scope, { practice });
  await oauthRoutes(scope, { tokens, secret: token });
}
