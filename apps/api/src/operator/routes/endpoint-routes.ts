import {
  OperatorEndpointListSchema,
  PageQuerySchema,
  SwitchedEndpointReplySchema,
} from '@emr-payments/contracts/operator';
import { disableEndpoint, enableEndpointIn, findClientPk, pageOfEndpoints } from '@emr-payments/operations';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { sendError } from '../../errors/send-error.ts';
import { operatorOf } from '../../http/operator-caller.ts';
import { pageFrom, pageOf } from '../../http/page.ts';
import { endpointView } from '../../webhooks/endpoint-view.ts';
import { answered, noSuch, reading, stateRefused, writing } from '../answers.ts';
import { actorOf, type OperatorDeps } from '../deps.ts';
import { OPERATOR_FIELD_RULES as fieldRules } from '../field-rules.ts';
import { ClientParams, EndpointParams, operatorOperation } from '../operation.ts';

/** The webhook endpoints of clients. Clients register them over their own API; an operator lists them and switches them on and off. */
export const endpointRoutes: FastifyPluginAsyncTypebox<OperatorDeps> = async (app, deps) => {
  const { database } = deps;

  app.route({
    method: 'GET',
    url: '/operator/v1/clients/:client_id/webhooks',
    schema: {
      ...operatorOperation({
        operationId: 'listClientWebhooks',
        tag: 'Clients',
        summary: 'List the webhook endpoints of a client',
        description: 'Newest first, with their state. Signing secrets are not part of it.',
        scope: 'clients:read',
        reply: OperatorEndpointListSchema,
        errors: ['record_not_found', 'read_too_costly'],
      }),
      params: ClientParams,
      querystring: PageQuerySchema,
    },
    config: { fieldRules },
    handler: async (request, reply) => {
      const read = pageFrom(request);
      if (read.outcome === 'invalid') return sendError(request, reply, 'invalid_field', read);
      const { page } = read;
      const { client_id: clientId } = request.params;
      const clientPk = await reading(deps, request, () => findClientPk({ database }, { clientId }));
      if (clientPk === null) return sendError(request, reply, 'record_not_found', { record: 'client' });
      const rows = await deps.costly.run({ clientPk: operatorOf(request).keyPk }, (costly) =>
        pageOfEndpoints(costly, { clientPk, after: page.after, limit: page.limit + 1 }),
      );
      const { rows: shown, ...more } = pageOf(rows, { ...page, placeOf: (row) => row });
      return reply.send({
        success: true,
        message: 'Webhook endpoints.',
        data: shown.map(endpointView),
        ...more,
      });
    },
  });

  app.route({
    method: 'POST',
    url: '/operator/v1/webhooks/:endpoint_id/disable',
    schema: {
      ...operatorOperation({
        operationId: 'disableWebhook',
        tag: 'Clients',
        summary: 'Stop sending to a webhook endpoint',
        description: 'Pending deliveries are canceled. The client sees that an operator disabled it.',
        scope: 'clients:write',
        reply: SwitchedEndpointReplySchema,
        keyed: true,
        errors: ['record_not_found', 'state_refused'],
      }),
      params: EndpointParams,
    },
    handler: async (request, reply) => {
      const { endpoint_id: endpointId } = request.params;
      const by = actorOf(request);
      return writing(deps, { request, reply }, async (tx) => {
        const result = await disableEndpoint(tx, { endpointId, by });
        if (result === 'not_found') return noSuch('webhook endpoint');
        if (result === 'unchanged') return stateRefused('The webhook endpoint is already disabled.');
        return answered('Webhook endpoint disabled.', { endpoint_id: endpointId, enabled: false });
      });
    },
  });

  app.route({
    method: 'POST',
    url: '/operator/v1/webhooks/:endpoint_id/enable',
    schema: {
      ...operatorOperation({
        operationId: 'enableWebhook',
        tag: 'Clients',
        summary: 'Send to a webhook endpoint again',
        description: 'It gets events from now on. Its client can recover those that it missed.',
        scope: 'clients:write',
        reply: SwitchedEndpointReplySchema,
        keyed: true,
        errors: ['record_not_found', 'state_refused'],
      }),
      params: EndpointParams,
    },
    handler: async (request, reply) => {
      const { endpoint_id: endpointId } = request.params;
      const by = actorOf(request);
      return writing(deps, { request, reply }, async (tx) => {
        const result = await enableEndpointIn(tx, { endpointId, by });
        if (result.outcome === 'exists') {
          return stateRefused(
            `The enabled webhook endpoint ${result.otherId} of the same client has this URL already. Disable that one first.`,
          );
        }
        if (result.outcome === 'not_found') return noSuch('webhook endpoint');
        if (result.outcome === 'unchanged') return stateRefused('The webhook endpoint is already enabled.');
        return answered('Webhook endpoint enabled.', { endpoint_id: endpointId, enabled: true });
      });
    },
  });
};
