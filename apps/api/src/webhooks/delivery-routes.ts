import {
  DeliveryListSchema,
  ListDeliveriesQuerySchema,
  RecoverBodySchema,
  RecoveryReplySchema,
  TestWebhookReplySchema,
} from '@emr-payments/contracts';
import { findEndpoint, findRecovery, listDeliveries } from '@emr-payments/db';
import { within } from '@emr-payments/runtime';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { actorOf, clientOf } from '../auth/authenticate-client-hook.ts';
import { sendError } from '../errors/send-error.ts';
import { pageFrom, pageOf, timeFrom } from '../http/page.ts';
import { answerOnce } from '../idempotency/answer-once.ts';
import type { Limits } from '../limits.ts';
import { componentRef } from '../openapi/component-ref.ts';
import { deliveryView, recoveryView } from './delivery-view.ts';
import { WEBHOOK_FIELD_RULES as fieldRules } from './field-rules.ts';
import { clientOperation, EndpointParams, RecoveryParams, type WebhookDeps } from './operation.ts';
import { recover } from './recover.ts';
import { createTestEndpoint } from './test-endpoint.ts';

/** The routes for an endpoint's deliveries, its tests, and the recovery of events that it missed. */
export const deliveryRoutes: FastifyPluginAsyncTypebox<WebhookDeps & { limits: Limits }> = async (
  app,
  deps,
) => {
  const { database } = deps;
  const patiently = <T>(work: Promise<T>) => within(deps.limits.waitMs, work);
  const testEndpoint = createTestEndpoint(deps);

  app.route({
    method: 'POST',
    url: '/v1/webhooks/:id/test',
    schema: {
      ...clientOperation({
        operationId: 'testWebhook',
        tag: 'Webhooks',
        summary: 'Send a test event now',
        description:
          'Sends `webhook.test`, signed like every event, waits at most 15 s for the answer and returns the result. It is sent ' +
          'once, counts neither for nor against the endpoint, and works while the endpoint is disabled. It stores nothing, so ' +
          'an Idempotency-Key has no effect.',
        reply: TestWebhookReplySchema,
        errors: ['endpoint_not_found', 'test_in_progress'],
      }),
      params: EndpointParams,
    },
    config: { storesNothing: () => true },
    handler: async (request, reply) => {
      const { clientPk } = clientOf(request);
      const test = await testEndpoint({ clientPk, endpointId: request.params.id });
      if (test.outcome === 'not_found') return sendError(request, reply, 'endpoint_not_found');
      if (test.outcome === 'busy') return sendError(request, reply, 'test_in_progress');
      const { result, eventId } = test;
      const delivered = result.outcome === 'delivered';
      const failed = result.outcome === 'failed';
      return reply.send({
        success: true,
        message: delivered ? 'The endpoint took the test.' : 'The endpoint did not take the test.',
        data: {
          delivered,
          event_id: eventId,
          http_status: result.httpStatus ?? null,
          duration_ms: result.durationMs,
          error_kind: delivered ? null : failed ? result.kind : 'http_status',
          excerpt: result.excerpt === '' ? null : result.excerpt,
          detail: delivered
            ? null
            : failed
              ? result.detail
              : 'HTTP 410: this answer to an event would disable the endpoint',
        },
      });
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/webhooks/:id/deliveries',
    schema: {
      ...clientOperation({
        operationId: 'listWebhookDeliveries',
        tag: 'Webhooks',
        summary: 'List deliveries and their attempts',
        description:
          'Newest first: each event that was or will be sent to the endpoint, with its last attempts.',
        reply: DeliveryListSchema,
        errors: ['invalid_field', 'endpoint_not_found', 'read_too_costly'],
      }),
      params: EndpointParams,
      querystring: ListDeliveriesQuerySchema,
    },
    config: { fieldRules },
    handler: async (request, reply) => {
      const { query } = request;
      const read = pageFrom(request, { ids: /^\d{1,18}$/ });
      if (read.outcome === 'invalid') return sendError(request, reply, 'invalid_field', read);
      const { page } = read;
      const { clientPk } = clientOf(request);
      const endpoint = await patiently(
        findEndpoint({ database }, { clientPk, endpointId: request.params.id }),
      );
      if (endpoint === null) return sendError(request, reply, 'endpoint_not_found');
      const filter = {
        endpoint,
        status: query.status,
        eventType: query.event_type,
        createdAfter: query.created_after === undefined ? undefined : timeFrom(query.created_after),
        after: page.after,
        limit: page.limit + 1,
      };
      const rows = await patiently(deps.costly.run({ clientPk }, (costly) => listDeliveries(costly, filter)));
      const placeOf = ({ createdAt, id }: (typeof rows)[number]) => ({ createdAt, id });
      const { rows: shown, ...more } = pageOf(rows, { ...page, placeOf });
      return reply.send({ success: true, message: 'Deliveries.', data: shown.map(deliveryView), ...more });
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/webhooks/:id/recover',
    schema: {
      ...clientOperation({
        operationId: 'recoverWebhook',
        tag: 'Webhooks',
        summary: 'Send all events again that an endpoint missed',
        description:
          'Answers at once with a recovery that is `running`. It sends the deliveries of that time that failed or were canceled, and ' +
          'the events since its registration that were never sent to it, because it was disabled or did not subscribe to their type ' +
          'then, of the types that it subscribes to now. Oldest first, as fast as the endpoint takes them and never above its ' +
          '`rate_per_second`, however many they are. New events are still sent in between. Several recoveries of one ' +
          'endpoint are carried out one after the other, and an event that is waiting already is not sent twice. Disabling or ' +
          'deleting the endpoint cancels them.',
        reply: RecoveryReplySchema,
        keyed: true,
        body: true,
        errors: ['endpoint_not_found', 'endpoint_disabled', 'recovery_limit_reached'],
      }),
      params: EndpointParams,
      body: componentRef(RecoverBodySchema),
    },
    config: { fieldOrder: Object.keys(RecoverBodySchema.properties), fieldRules },
    handler: async (request, reply) => {
      const { body } = request;
      const input = { clientPk: clientOf(request).clientPk, endpointId: request.params.id, body };
      const by = actorOf(request);
      return patiently(answerOnce(deps, { request, reply }, (tx) => recover(tx, { ...input, by })));
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/webhooks/:id/recoveries/:recovery_id',
    schema: {
      ...clientOperation({
        operationId: 'getWebhookRecovery',
        tag: 'Webhooks',
        summary: 'Read the progress of a recovery',
        description: 'How many of its events were delivered so far.',
        reply: RecoveryReplySchema,
        errors: ['endpoint_not_found', 'recovery_not_found', 'read_too_costly'],
      }),
      params: RecoveryParams,
    },
    handler: async (request, reply) => {
      const { id: endpointId, recovery_id: recoveryId } = request.params;
      const { clientPk } = clientOf(request);
      if ((await patiently(findEndpoint({ database }, { clientPk, endpointId }))) === null)
        return sendError(request, reply, 'endpoint_not_found');
      const recovery = await patiently(
        deps.costly.run({ clientPk }, (costly) => findRecovery(costly, { endpointId, recoveryId })),
      );
      if (recovery === null) return sendError(request, reply, 'recovery_not_found');
      return reply.send({ success: true, message: 'Recovery.', data: recoveryView(recovery) });
    },
  });
};
