import type { Logger } from '@emr-payments/runtime';
import type { FastifyError, FastifyInstance } from 'fastify';
import type { Dialect } from '../../dialect.ts';
import { AthenaError, developerInactive, GatewayError } from './athena-error.ts';
import { createDuplicateAnswer, duplicateAnswerRoutes } from './duplicate-answer.ts';
import { takeFormsOnly } from './form-body.ts';
import { createLimits, type Limits } from './limits.ts';
import { listRoutes } from './list-routes.ts';
import { createNeverCalled } from './never-called.ts';
import { patientRoutes } from './patient-routes.ts';
import { paymentRoutes } from './payment-routes.ts';
import { quotaHeaders } from './quota-headers.ts';
import { TOKEN_PATH, tokenRoutes } from './token-routes.ts';
import { createTokens, type Tokens } from './tokens.ts';

const JSON_TYPE = 'application/json';
/** The gateway's errors are pages with one line. */
const GATEWAY_TYPE = 'text/html; charset=utf-8';

function answerErrors(scope: FastifyInstance, logger: Logger): void {
  scope.setErrorHandler((error: AthenaError | GatewayError | FastifyError, _request, reply) => {
    if (error instanceof GatewayError) {
      if (error.retryAfterSeconds !== undefined) reply.header('retry-after', error.retryAfterSeconds);
      return reply.code(error.status).type(GATEWAY_TYPE).send(error.toHtml());
    }
    if (error instanceof AthenaError) return reply.code(error.status).send(error.toJson());
    const status = error.statusCode ?? 500;
    if (status < 500) return reply.code(status).send({ error: error.message });
    logger.error({ err: error }, 'request failed');
    return reply.code(500).send({ error: 'The server could not do this.' });
  });
  scope.setNotFoundHandler((_request, reply) =>
    reply.code(404).send({ error: 'The requested API does not exist.' }),
  );
}

/** Every call needs a token that was issued here, a practice, and a place below the limits. */
function guard(scope: FastifyInstance, { tokens, limits }: { tokens: Tokens; limits: Limits }): void {
  scope.addHook('onRequest', async (request, reply) => {
    const path = (request.url.split('?', 1)[0] ?? '').slice(scope.prefix.length);
    if (path === TOKEN_PATH) return;
    const [, token] = /^Bearer ([A-Za-z0-9._~+/-]+=*)$/.exec(request.headers.authorization ?? '') ?? [];
    const clientId = token === undefined ? undefined : tokens.clientOf(token);
    if (clientId === undefined) throw developerInactive();
    quotaHeaders(reply, limits.call(clientId));
    const [, practiceId] = /^\/v1\/([^/]*)/.exec(path) ?? [];
    if (practiceId !== undefined && !/^[1-9]\d{0,9}$/.test(practiceId))
      throw new AthenaError(404, 'The practice does not exist.', 'practiceid');
  });
}

/** athenaOne: payments by a patient pay vendor and by recordpayment. Every practice id and vendor code is this practice. */
export const athena: Dialect = {
  name: 'athena',
  title: 'athenaOne',
  prefix: '/athena',
  async register(scope, { ledger, practice, capabilities, pace, credentials, logger, addControl }) {
    const tokens = createTokens({ credentials });
    const limits = createLimits({ pace });
    const duplicateAnswer = createDuplicateAnswer();
    const neverCalled = createNeverCalled({ logger });
    addControl(async (control) => {
      duplicateAnswerRoutes(control, duplicateAnswer);
      control.get('/never-called', async () => ({ calls: neverCalled.calls }));
    });
    takeFormsOnly(scope);
    answerErrors(scope, logger);
    neverCalled.watch(scope);
    guard(scope, { tokens, limits });
    tokenRoutes(scope, { tokens, limits, credentials });
    listRoutes(scope, { practice });
    patientRoutes(scope, { practice });
    paymentRoutes(scope, { ledger, practice, capabilities, duplicateAnswer });
  },
  /** The resource is the last segment, such as `payments`, `recordpayment`, `departments` or `token`. */
  targetOf({ method, path }) {
    const resource = path.slice(path.lastIndexOf('/') + 1);
    return {
      resource,
      creates: method === 'POST' && (resource === 'payments' || resource === 'recordpayment'),
    };
  },
  answerError(error) {
    if (error.reason === 'error') {
      const body = JSON.stringify(new AthenaError(error.status, error.text).toJson());
      return { status: error.status, headers: { 'content-type': JSON_TYPE }, body };
    }
    const retryAfter = error.reason === 'throttled' ? error.retryAfterSeconds : undefined;
    const text = error.reason === 'throttled' ? 'Developer Over Rate' : developerInactive().message;
    return {
      status: error.status,
      headers: {
        'content-type': GATEWAY_TYPE,
        ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
      },
      body: new GatewayError(error.status, text).toHtml(),
    };
  },
};
