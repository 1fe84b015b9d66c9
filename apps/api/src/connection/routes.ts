import { ConnectionReplySchema } from '@emr-payments/contracts';
import { findConnection, findWindows, readHealth, readLocations, readMethods } from '@emr-payments/db';
import { droppedFields } from '@emr-payments/emr/description';
import { within } from '@emr-payments/runtime';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { authenticateHook, callerOf, type UserRouteDeps } from '../auth/authenticate-hook.ts';
import { sendError } from '../errors/send-error.ts';
import { componentRef } from '../openapi/component-ref.ts';
import { ANSWER_HEADERS, errorResponses, USER_ERRORS, USER_SECURITY } from '../openapi/error-responses.ts';
import { type AskDeps, askConnection } from './ask-connection.ts';
import { descriptionView, healthView, listsView, storedLists } from './connection-view.ts';

export type ConnectionRouteDeps = UserRouteDeps & AskDeps;

const getConnectionOperation = {
  operationId: 'getConnection',
  tags: ['Connection'],
  summary: 'Read the EMR connection',
  description:
    "How the user's EMR connection is (`health`), and what it supports: the payment methods and locations of the EMR (at most one " +
    'minute old), what the EMR gets of each field of a payment, which payment methods need data that a payment does not carry, and ' +
    'the limits of the EMR. It is answered also while the EMR cannot be asked: then with the lists as they were read last (`lists_read`).',
  security: USER_SECURITY,
  response: {
    200: { ...componentRef(ConnectionReplySchema), description: 'The connection', headers: ANSWER_HEADERS },
    ...errorResponses([...USER_ERRORS, 'connection_unusable']),
  },
};

/** `GET /v1/connection`. */
export const connectionRoutes: FastifyPluginAsyncTypebox<ConnectionRouteDeps> = async (app, deps) => {
  app.get(
    '/v1/connection',
    { schema: getConnectionOperation, onRequest: authenticateHook(deps) },
    async (request, reply) => {
      const { clientPk, userId, userPublicId } = callerOf(request);
      const connection = await within(deps.limits.waitMs, findConnection(deps, { userId }));
      if (connection === null) return sendError(request, reply, 'connection_unusable');
      const asked = await askConnection(deps, {
        clientPk,
        connection,
        ask: (adapter, options) => adapter.list(options),
        waitMs: deps.limits.emrWaitMs,
      });
      if (asked.outcome === 'connection_unusable') return sendError(request, reply, asked.outcome);
      const adapter = (await deps.adapters()).of(connection);
      const [stored, methods, locations, held] = await within(
        deps.limits.waitMs,
        Promise.all([
          readHealth(deps, { userId }),
          asked.outcome === 'answered' ? null : readMethods(deps, { userId }),
          asked.outcome === 'answered' ? null : readLocations(deps, { userId }),
          adapter.bucket === null ? undefined : findWindows(deps, adapter.bucket),
        ]),
      );
      // The connection was there a moment ago, and connections are not deleted.
      if (stored === null) return sendError(request, reply, 'connection_unusable');
      const { canonicalAdapterName } = await import('@emr-payments/emr');
      return reply.send({
        success: true,
        message: 'What the EMR connection supports.',
        data: {
          user_id: userPublicId,
          adapter: canonicalAdapterName(connection.adapter) ?? connection.adapter,
          capability: adapter.capability,
          time_zone: connection.timeZone,
          health: healthView(stored.health),
          lists_read: asked.outcome === 'answered',
          dropped_fields: droppedFields(adapter),
          ...descriptionView(adapter.describe(held)),
          ...listsView(
            asked.outcome === 'answered' ? asked.answer : storedLists(adapter, { methods, locations }),
          ),
        },
      });
    },
  );
};
