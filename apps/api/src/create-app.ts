import { HEADERS } from '@emr-payments/contracts';
import type { Logger } from '@emr-payments/runtime';
import Fastify, { type FastifyInstance } from 'fastify';
import { answerClientError } from './errors/client-error.ts';
import { refuseEmptyParameters, sendNoRoute } from './errors/empty-parameters.ts';
import { errorHandler } from './errors/error-handler.ts';
import { answerOtherMethods } from './errors/other-methods.ts';
import { answerHeaders, requestId } from './http/answer-headers.ts';
import { createApiServer } from './http/create-server.ts';
import { httpRules } from './http/http-rules.ts';
import { onlyJsonBodies } from './http/json-body.ts';
import { besideOperator, type OperatorListener } from './http/operator-listener.ts';
import { type RequestLogDeps, requestLog } from './http/request-log.ts';
import { trustedProxies } from './http/source.ts';
import { traceRequests } from './http/trace-requests.ts';
import type { Limits } from './limits.ts';
import { compilersFactory } from './validation/compilers.ts';
import { refuseQueries } from './validation/no-query.ts';
import { textGate } from './validation/text-gate.ts';

/**
 * Makes an app without routes that has the manners of every request: the shape of errors, bodies, headers, the log, the gates of texts.
 * The API and the operator's API are made of it.
 *
 * @returns `routesDone` is to be called when all routes are registered.
 */
export async function createApp(
  deps: RequestLogDeps & { logger: Logger; stopping: AbortSignal },
  options: {
    limits: Limits;
    trustProxy: readonly string[] | undefined;
    operatorApi?: OperatorListener | undefined;
  },
): Promise<{ app: FastifyInstance; routesDone: () => void }> {
  const { logger, stopping, ...log } = deps;
  const { limits, trustProxy, operatorApi } = options;
  const onError = errorHandler({ logger });
  const app: FastifyInstance = Fastify({
    logger: false,
    genReqId: requestId,
    bodyLimit: limits.bodyBytes,
    serverFactory: (listener) => createApiServer(limits, besideOperator(listener, operatorApi)),
    forceCloseConnections: 'idle',
    // A request that arrives while the process stops is answered like any other, with `connection: close`.
    return503OnClosing: false,
    routerOptions: { maxParamLength: limits.paramLength },
    trustProxy: trustProxy === undefined ? false : trustedProxies(trustProxy),
    schemaController: { compilersFactory: compilersFactory() },
    clientErrorHandler: answerClientError,
    frameworkErrors: (error, request, reply) => {
      // No hook runs for a URL that the router cannot read.
      reply.header(HEADERS.requestId, request.id);
      onError(error, request, reply);
    },
  });

  app.decorateRequest('caller', null);
  app.decorateRequest('clientCaller', null);
  app.decorateRequest('operator', null);
  app.decorateRequest('foundSource', null);
  app.decorateRequest('span', null);
  app.decorateRequest('startSpan', null);
  app.setErrorHandler(onError);
  app.setNotFoundHandler(sendNoRoute);
  onlyJsonBodies(app);
  refuseQueries(app);
  const routesDone = answerOtherMethods(app);
  await app.register(traceRequests);
  await app.register(answerHeaders, { stopping });
  await app.register(requestLog, { logger, ...log });
  await app.register(httpRules);
  refuseEmptyParameters(app);
  await app.register(textGate);
  return { app, routesDone };
}
