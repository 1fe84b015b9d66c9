import {
  OperatorReturnUrlListSchema,
  ReturnUrlBodySchema,
  ReturnUrlReplySchema,
} from '@emr-payments/contracts/operator';
import { listReturnUrls, registerReturnUrl, removeReturnUrl } from '@emr-payments/operations';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { sendError } from '../../errors/send-error.ts';
import { componentRef } from '../../openapi/component-ref.ts';
import { answered, badField, noSuch, reading, stateRefused, writing } from '../answers.ts';
import { actorOf, type OperatorDeps } from '../deps.ts';
import { OPERATOR_FIELD_RULES as fieldRules } from '../field-rules.ts';
import { ClientParams, operatorOperation } from '../operation.ts';

/** `/operator/v1/clients/{client_id}/return-urls`: addresses to which the connect page sends the browsers of a client's practices back. */
export const returnUrlRoutes: FastifyPluginAsyncTypebox<OperatorDeps> = async (app, deps) => {
  const { database } = deps;
  const config = { fieldOrder: Object.keys(ReturnUrlBodySchema.properties), fieldRules };

  app.route({
    method: 'GET',
    url: '/operator/v1/clients/:client_id/return-urls',
    schema: {
      ...operatorOperation({
        operationId: 'listReturnUrls',
        tag: 'Clients',
        summary: 'List the return addresses of a client',
        description:
          'Oldest first, on one page. Sessions of the connect page give one of them letter by letter.',
        scope: 'clients:read',
        reply: OperatorReturnUrlListSchema,
        errors: ['record_not_found'],
      }),
      params: ClientParams,
    },
    handler: async (request, reply) => {
      const { client_id: clientId } = request.params;
      const urls = await reading(deps, request, () => listReturnUrls({ database }, { clientId }));
      if (urls === null) return sendError(request, reply, 'record_not_found', { record: 'client' });
      const data = urls.map(({ url, createdAt }) => ({
        return_url: url,
        created_at: createdAt.toISOString(),
      }));
      return reply.send({
        success: true,
        message: 'Return addresses.',
        data,
        has_more: false,
        next_cursor: null,
      });
    },
  });

  app.route({
    method: 'POST',
    url: '/operator/v1/clients/:client_id/return-urls',
    schema: {
      ...operatorOperation({
        operationId: 'addReturnUrl',
        tag: 'Clients',
        summary: 'Register a return address of a client',
        description: 'The connect page sends browsers to registered addresses only.',
        scope: 'clients:write',
        reply: ReturnUrlReplySchema,
        keyed: true,
        body: true,
        errors: ['record_not_found', 'state_refused'],
      }),
      params: ClientParams,
      body: componentRef(ReturnUrlBodySchema),
    },
    config,
    handler: async (request, reply) => {
      const { client_id: clientId } = request.params;
      const { return_url: url } = request.body;
      const by = actorOf(request);
      return writing(deps, { request, reply }, async (tx) => {
        const result = await registerReturnUrl(tx, { clientId, url, by });
        if (result.outcome === 'not_found') return noSuch('client');
        if (result.outcome === 'wrong') return badField('return_url', `cannot be used: ${result.reason}`);
        if (result.outcome === 'unchanged') return stateRefused('The address is registered already.');
        return answered('Return address registered.', {
          client_id: clientId,
          return_url: url,
          registered: true,
        });
      });
    },
  });

  app.route({
    method: 'POST',
    url: '/operator/v1/clients/:client_id/return-urls/remove',
    schema: {
      ...operatorOperation({
        operationId: 'removeReturnUrl',
        tag: 'Clients',
        summary: 'Remove a return address of a client',
        description: 'Sessions that were made with it end there for their 15 minutes.',
        scope: 'clients:write',
        reply: ReturnUrlReplySchema,
        keyed: true,
        body: true,
        errors: ['record_not_found'],
      }),
      params: ClientParams,
      body: componentRef(ReturnUrlBodySchema),
    },
    config,
    handler: async (request, reply) => {
      const { client_id: clientId } = request.params;
      const { return_url: url } = request.body;
      const by = actorOf(request);
      return writing(deps, { request, reply }, async (tx) => {
        const result = await removeReturnUrl(tx, { clientId, url, by });
        if (result === 'not_found') return noSuch('client');
        if (result === 'not_registered') return noSuch('return address');
        return answered('Return address removed.', {
          client_id: clientId,
          return_url: url,
          registered: false,
        });
      });
    },
  });
};
