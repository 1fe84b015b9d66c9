import { createHash, timingSafeEqual } from 'node:crypto';
import type { Dialect } from '../../dialect.ts';
import { answerFhirError, requireToken, serveFhir } from '../../fhir/fhir-server.ts';
import { practiceRoutes } from '../../fhir/practice-routes.ts';
import { terminologyRoutes } from '../../fhir/terminology-routes.ts';
import { createIssuedTokens } from '../../issued-tokens.ts';
import { metadataRoutes } from './metadata-routes.ts';
import { OAUTH_PATHS, OPEN_PATHS, oauthRoutes, TOKEN_SECONDS } from './oauth-routes.ts';
import { organizationRoutes } from './organization.ts';
import { paymentRoutes } from './payment-routes.ts';
import { NAME } from './posting-resource.ts';

const hash = (text: string) => createHash('sha256').update(text).digest();

/**
 * A FHIR R4 server that takes patients' payments as PaymentNotice with a contained PaymentReconciliation, as strict as a
 * validator. Every request but /metadata needs a bearer token: the sandbox's, or one of the token endpoint.
 */
export const fhirR4: Dialect = {
  name: NAME,
  title: 'FHIR R4',
  prefix: '/fhir/r4',
  async register(scope, { ledger, practice, capabilities, token, logger }) {
    const tokens = createIssuedTokens({ livesSeconds: TOKEN_SECONDS });
    const isStatic = (given: string) => token === undefined || timingSafeEqual(hash(given), hash(token));
    serveFhir(scope, { logger, other: OAUTH_PATHS });
    requireToken(scope, { accepts: (given) => tokens.accepts(given) || isStatic(given), open: OPEN_PATHS });
    await metadataRoutes(scope, { capabilities, since: new Date() });
    await practiceRoutes(scope, { ledger, practice });
    await organizationRoutes(scope);
    await terminologyRoutes(scope, { practice });
    await paymentRoutes(scope, { ledger, practice, capabilities });
    await oauthRoutes(scope, { tokens, secret: token });
  },
  /** The resource is the first segment behind the prefix. */
  targetOf: ({ method, path }) => {
    const resource = path.slice(1).split('/', 1)[0];
    return { resource, creates: method === 'POST' && resource === 'PaymentNotice' };
  },
  answerError: answerFhirError,
};
