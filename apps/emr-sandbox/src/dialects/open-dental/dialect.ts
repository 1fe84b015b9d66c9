import type { FastifyError } from 'fastify';
import type { Dialect } from '../../dialect.ts';
import { checkCallers } from './caller.ts';
import { controlRoutes } from './control-routes.ts';
import { openPatientRecords } from './patient-records.ts';
import { patientRoutes } from './patient-routes.ts';
import { paymentRoutes } from './payment-routes.ts';
import { NAME } from './payment-row.ts';
import { practiceRoutes } from './practice-routes.ts';
import { ApiProblem } from './problem.ts';

const TEXT = 'text/plain; charset=utf-8';
const BELOW = '/api/v1/';
const RESOURCES = ['clinics', 'definitions', 'patients', 'payments'];

/** The words of a path below the API: `payments/Refund` gives `payments` and `Refund`. */
function wordsOf(path: string): string[] {
  return path.startsWith(BELOW) ? path.slice(BELOW.length).split('/') : [];
}

/** Open Dental's API: payments, and what an integrator reads of an office. Errors are plain text. */
export const openDental: Dialect = {
  name: NAME,
  title: 'Open Dental',
  prefix: '/open-dental',
  async register(scope, { ledger, practice, capabilities, pace, credentials, logger, addControl }) {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(
      'application/json',
      { parseAs: 'string' },
      scope.getDefaultJsonParser('error', 'error'),
    );
    scope.setErrorHandler((error: ApiProblem | FastifyError, _request, reply) => {
      reply.type(TEXT);
      if (error instanceof ApiProblem) return reply.code(error.status).send(error.message);
      // The pages name 400 for every body that cannot be read.
      if ((error.statusCode ?? 500) < 500) return reply.code(400).send(error.message);
      logger.error({ err: error }, 'request failed');
      return reply.code(500).send('The request failed.');
    });
    scope.setNotFoundHandler((request, reply) => {
      const path = (request.url.split('?', 1)[0] ?? '').slice(scope.prefix.length);
      const [resource = '', ...method] = wordsOf(path);
      reply.type(TEXT);
      return RESOURCES.includes(resource)
        ? reply.code(400).send(`${method.join('/') || request.method} is not a valid method.`)
        : reply.code(404).send(`${resource} is not a valid resource.`);
    });
    checkCallers(scope, { credentials, pace });
    const patients = openPatientRecords({ practice });
    await practiceRoutes(scope, { practice });
    await patientRoutes(scope, { patients });
    await paymentRoutes(scope, { ledger, practice, patients, capabilities, pace });
    addControl((control) => controlRoutes(control, { patients }));
  },
  targetOf: ({ method, path }) => {
    const [resource, ...rest] = wordsOf(path);
    return { resource, creates: method === 'POST' && resource === 'payments' && rest.length === 0 };
  },
  answerError(error) {
    // The vendor's page names the header for every 429.
    const retryAfter = error.reason === 'throttled' ? (error.retryAfterSeconds ?? 1) : undefined;
    return {
      status: error.status,
      headers: {
        'content-type': TEXT,
        ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
      },
      body: error.reason === 'unauthorized' ? 'The API key is not valid.' : error.text,
    };
  },
};
