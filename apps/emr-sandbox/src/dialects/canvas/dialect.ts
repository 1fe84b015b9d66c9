import type { FastifyError } from 'fastify';
import type { Dialect } from '../../dialect.ts';
import { createIssuedTokens } from '../../issued-tokens.ts';
import { CanvasProblem, operationOutcome } from './canvas-problem.ts';
import { patientRoutes } from './patient-routes.ts';
import { NAME, paymentRoutes } from './payment-routes.ts';
import { TOKEN_PATH, TOKEN_SECONDS, tokenRoutes } from './token-routes.ts';

const UNAUTHORIZED = 'Authentication failed';
const UNKNOWN = 'Unknown resource';

/**
 * Canvas's API for payments: a PaymentNotice that is no R4, a 201 whose body is `null`, and no key by which a payment could be
 * found. The vendor's two hosts, of the instance and of its FHIR API, are one here.
 */
export const canvas: Dialect = {
  name: NAME,
  title: 'Canvas',
  prefix: '/canvas',
  async register(scope, { ledger, practice, capabilities, credentials, logger }) {
    const tokens = createIssuedTokens({ credentials }, { livesSeconds: TOKEN_SECONDS });
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(
      'application/json',
      { parseAs: 'string' },
      scope.getDefaultJsonParser('error', 'error'),
    );
    scope.addContentTypeParser(
      'application/x-www-form-urlencoded',
      { parseAs: 'string' },
      (request, body, done) => {
        if (request.url.split('?', 1)[0] === `${scope.prefix}${TOKEN_PATH}`)
          return done(null, new URLSearchParams(String(body)));
        done(new CanvasProblem(400, 'The body must be JSON'));
      },
    );
    scope.addHook('onRequest', async (request) => {
      const path = (request.url.split('?', 1)[0] ?? '').slice(scope.prefix.length);
      if (path === TOKEN_PATH) return;
      // Django, on which Canvas runs, has no such path without the slash.
      if (`${path}/` === TOKEN_PATH) throw new CanvasProblem(404, UNKNOWN);
      const [, given] = /^Bearer (.+)$/.exec(request.headers.authorization ?? '') ?? [];
      if (given === undefined || !tokens.accepts(given)) throw new CanvasProblem(401, UNAUTHORIZED);
    });
    scope.setErrorHandler((error: CanvasProblem | FastifyError, _request, reply) => {
      if (error instanceof CanvasProblem)
        return reply.code(error.status).send(operationOutcome(error.status, error.message));
      const status = error.statusCode ?? 500;
      // The page of a create lists no 413 and no 415: what cannot be read is a bad request.
      if (status < 500) return reply.code(400).send(operationOutcome(400, error.message));
      logger.error({ err: error }, 'request failed');
      return reply.code(500).send(operationOutcome(500, 'Internal server error'));
    });
    scope.setNotFoundHandler((_request, reply) => reply.code(404).send(operationOutcome(404, UNKNOWN)));
    await tokenRoutes(scope, { tokens, credentials });
    await paymentRoutes(scope, { ledger, practice, capabilities });
    await patientRoutes(scope, { practice });
  },
  /** The resource is the first segment behind the prefix: `PaymentNotice`, or `auth` for the token. */
  targetOf: ({ method, path }) => {
    const resource = path.slice(1).split('/', 1)[0];
    return { resource, creates: method === 'POST' && resource === 'PaymentNotice' };
  },
  answerError(error) {
    const retryAfter = error.reason === 'throttled' ? error.retryAfterSeconds : undefined;
    return {
      status: error.status,
      headers: {
        'content-type': 'application/json',
        ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
      },
      body: JSON.stringify(
        operationOutcome(error.status, error.reason === 'unauthorized' ? UNAUTHORIZED : error.text),
      ),
    };
  },
};
