import type { Logger } from '@emr-payments/runtime';
import type { FastifyError, FastifyInstance } from 'fastify';
import type { ScriptedAnswer, ScriptedError } from '../dialect.ts';
import { FhirProblem, type IssueCode, operationOutcome } from './operation-outcome.ts';

const FHIR_JSON = 'application/fhir+json; charset=utf-8';
const CHALLENGE = { 'www-authenticate': 'Bearer' };
const TOKEN_NEEDED = 'A valid bearer token is needed.';

/**
 * Sets up what every FHIR server has: JSON bodies, answers of the type `application/fhir+json`, errors as OperationOutcome.
 *
 * @param input.other paths behind the prefix that are no FHIR: their answers are `application/json`.
 */
export function serveFhir(
  scope: FastifyInstance,
  { logger, other = [] }: { logger: Logger; other?: readonly string[] },
): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser(
    ['application/fhir+json', 'application/json'],
    { parseAs: 'string' },
    scope.getDefaultJsonParser('error', 'error'),
  );
  const noFhir = other.map((path) => `${scope.prefix}${path}`);
  scope.addHook('onSend', async (request, reply) => {
    // A page has set its own type.
    if (String(reply.getHeader('content-type')).startsWith('text/html')) return;
    reply.type(noFhir.includes(request.url) ? 'application/json' : FHIR_JSON);
  });
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

/** Refuses requests without a token that `accepts` takes, while one is needed. Only the CapabilityStatement and the paths in `open` need none. */
export function requireToken(
  scope: FastifyInstance,
  {
    isNeeded,
    accepts,
    open = [],
  }: { isNeeded: () => boolean; accepts: (token: string) => boolean; open?: readonly string[] },
): void {
  const unprotected = ['/metadata', ...open].map((path) => `${scope.prefix}${path}`);
  scope.addHook('onRequest', async (request, reply) => {
    if (!isNeeded() || unprotected.includes(request.url.split('?', 1)[0] ?? '')) return;
    const [, token] = /^Bearer (.+)$/.exec(request.headers.authorization ?? '') ?? [];
    if (token !== undefined && accepts(token)) return;
    reply.headers(CHALLENGE);
    throw new FhirProblem(401, 'login', TOKEN_NEEDED);
  });
}

/** A transient code, such as `exception`, would take a refusal back (https://hl7.org/fhir/R5/valueset-issue-type.html). */
function issueOf({ reason, status }: ScriptedError): IssueCode {
  if (reason === 'throttled') return 'throttled';
  if (reason === 'unauthorized') return 'login';
  return status < 500 ? 'processing' : 'exception';
}

/** Puts a scripted error into an OperationOutcome. */
export function answerFhirError(error: ScriptedError): ScriptedAnswer {
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
}
