import { createHash, timingSafeEqual } from 'node:crypto';
import type { Logger } from '@emr-payments/runtime';
import type { FastifyError, FastifyInstance } from 'fastify';
import type { Dialect, ScriptedError } from '../../dialect.ts';
import { NAME } from './identifiers.ts';
import { metadataRoutes } from './metadata-routes.ts';
import { FhirProblem, type IssueCode, operationOutcome } from './operation-outcome.ts';
import { paymentRoutes } from './payment-routes.ts';
import { practiceRoutes } from './practice-routes.ts';
import { terminologyRoutes } from './terminology-routes.ts';

const FHIR_JSON = 'application/fhir+json; charset=utf-8';
const CHALLENGE = { 'www-authenticate': 'Bearer' };
const TOKEN_NEEDED = 'A valid bearer token is needed.';

const hash = (text: string) => createHash('sha256').update(text).digest();

function requireToken(scope: FastifyInstance, token: string): void {
  const wanted = hash(`Bearer ${token}`);
  scope.addHook('onRequest', async (request, reply) => {
    if (request.url === `${scope.prefix}/metadata`) return;
    if (timingSafeEqual(hash(request.headers.authorization ?? ''), wanted)) return;
    reply.headers(CHALLENGE);
    throw new FhirProblem(401, 'login', TOKEN_NEEDED);
  });
}

function answerErrors(scope: FastifyInstance, logger: Logger): void {
  scope.setErrorHandler((error: FhirProblem | FastifyError, _request, reply) => {
    if (error instanceof FhirProblem) {
      return reply.code(error.status).send(operationOutcome(error.issue, error.message, error.expression));
    }
    const status = error.statusCode ?? 500;
    if (status < 500) return reply.code(status).send(operationOutcome('structure', error.message));
    logger.error({ err: error }, 'request failed');
    return reply.code(500).send(operationOutcome('exception', 'The server could not do this.'));
  });
  scope.setNotFoundHandler((_request, reply) =>
    reply.code(404).send(operationOutcome('not-supported', 'There is nothing of this kind here.')),
  );
}

/** A transient code, such as `exception`, would take a refusal back (https://hl7.org/fhir/R5/valueset-issue-type.html). */
function issueOf({ reason, status }: ScriptedError): IssueCode {
  if (reason === 'throttled') return 'throttled';
  if (reason === 'unauthorized') return 'login';
  return status < 500 ? 'processing' : 'exception';
}

/** A small FHIR R5 server: payments as PaymentReconciliation, errors as OperationOutcome. */
export const fhirR5: Dialect = {
  name: NAME,
  title: 'FHIR R5',
  prefix: '/fhir',
  alsoAt: ['/fhir/r5'],
  async register(scope, { ledger, practice, capabilities, token, logger }) {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(
      ['application/fhir+json', 'application/json'],
      { parseAs: 'string' },
      scope.getDefaultJsonParser('error', 'error'),
    );
    scope.addHook('onSend', async (_request, reply) => {
      reply.type(FHIR_JSON);
    });
    answerErrors(scope, logger);
    if (token !== undefined) requireToken(scope, token);
    await metadataRoutes(scope, { capabilities, since: new Date() });
    await practiceRoutes(scope, { ledger, practice });
    await terminologyRoutes(scope, { practice });
    await paymentRoutes(scope, { ledger, practice, capabilities });
  },
  /** The resource is the first segment behind the prefix; every POST counts as a create. */
  targetOf: ({ method, path }) => ({
    resource: path.slice(1).split('/', 1)[0],
    creates: method === 'POST',
  }),
  answerError(error) {
    const retryAfter = error.reason === 'throttled' ? error.retryAfterSeconds : undefined;
    return {
      status: error.status,
      headers: {
        'content-type': FHIR_JSON,
        ...(error.reason === 'unauthorized' ? CHALLENGE : {}),
        ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
      },
      body: JSON.stringify(
        operationOutcome(issueOf(error), error.reason === 'unauthorized' ? TOKEN_NEEDED : error.text),
      ),
    };
  },
};
