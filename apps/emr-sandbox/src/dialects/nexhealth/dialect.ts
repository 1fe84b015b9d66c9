import type { FastifyError } from 'fastify';
import type { Dialect } from '../../dialect.ts';
import type { Entry } from '../../ledger.ts';
import { requireAccess } from './access.ts';
import { controlRoutes } from './control-routes.ts';
import { NexProblem, problemBody } from './envelope.ts';
import { createInsertions } from './insertions.ts';
import { NAME } from './name.ts';
import { patientRoutes } from './patient-routes.ts';
import { paymentBody } from './payment-body.ts';
import { paymentRoutes } from './payment-routes.ts';
import { practiceRoutes } from './practice-routes.ts';
import { SUBDOMAIN } from './query.ts';
import { AT_START, type Switches } from './switches.ts';
import { webhookRoutes } from './webhook-routes.ts';
import { createWebhooks } from './webhooks.ts';

const JSON_TYPE = 'application/json; charset=utf-8';
const CREATES = ['payments', 'payment_transactions'];

/** NexHealth's API before a practice's EMR: payments are accepted at once and posted later. */
export const nexhealth: Dialect = {
  name: NAME,
  title: 'NexHealth',
  prefix: '/nexhealth',
  async register(scope, { ledger, practice, capabilities, pace, credentials, logger, addControl }) {
    const switches: Switches = { current: AT_START };
    const deleted = new Map<string, string>();
    const show = (entry: Entry) => paymentBody({ practice, deleted }, entry);
    const webhooks = createWebhooks({ logger, subdomain: SUBDOMAIN });
    const insertions = createInsertions({ ledger, logger, capabilities, pace, switches, webhooks, show });
    scope.addHook('onClose', async () => {
      insertions.close();
      webhooks.close();
    });

    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(
      'application/json',
      { parseAs: 'string' },
      scope.getDefaultJsonParser('error', 'error'),
    );
    scope.setErrorHandler((error: NexProblem | FastifyError, _request, reply) => {
      if (error instanceof NexProblem)
        return reply.code(error.status).send(problemBody(error.description, error.message));
      if ((error.statusCode ?? 500) < 500)
        return reply.code(400).send(problemBody('Bad request', error.message));
      logger.error({ err: error }, 'request failed');
      return reply.code(500).send(problemBody('Internal server error', 'The server could not do this.'));
    });
    scope.setNotFoundHandler((_request, reply) =>
      reply.code(404).send(problemBody('Not found', 'There is nothing of this kind here.')),
    );

    requireAccess(scope, { credentials, pace });
    await patientRoutes(scope, { practice });
    await practiceRoutes(scope, { practice, switches, since: new Date() });
    await paymentRoutes(scope, { ledger, practice, capabilities, pace, switches, insertions, deleted, show });
    await webhookRoutes(scope, { webhooks });
    addControl((control) =>
      controlRoutes(control, { ledger, switches, insertions, webhooks, deleted, show }),
    );
  },
  /** The resource is the first segment behind the prefix. */
  targetOf: ({ method, path }) => {
    const resource = path.slice(1).split('/', 1)[0] ?? '';
    return { resource, creates: method === 'POST' && CREATES.includes(resource) };
  },
  answerError(error) {
    const retryAfter = error.reason === 'throttled' ? error.retryAfterSeconds : undefined;
    return {
      status: error.status,
      headers: {
        'content-type': JSON_TYPE,
        ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
      },
      body: JSON.stringify(problemBody('Error', error.text)),
    };
  },
};
