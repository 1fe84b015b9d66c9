import {
  CreateClientBodySchema,
  CreatedClientReplySchema,
  type OperatorClient,
  OperatorClientListSchema,
  OperatorClientReplySchema,
  PageQuerySchema,
  RotateBodySchema,
  RotatedClientSecretReplySchema,
  SwitchedClientReplySchema,
} from '@emr-payments/contracts/operator';
import type { ListedClient, Switched } from '@emr-payments/db';
import {
  createClientIn,
  disableClient,
  enableClient,
  findListedClient,
  pageOfClients,
  rotateClientSecretIn,
} from '@emr-payments/operations';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { sendError } from '../../errors/send-error.ts';
import { emptyBodyAsObject } from '../../http/json-body.ts';
import { operatorOf } from '../../http/operator-caller.ts';
import { pageFrom, pageOf } from '../../http/page.ts';
import type { WriteResult } from '../../idempotency/answer-once.ts';
import { componentRef } from '../../openapi/component-ref.ts';
import { answered, noSuch, reading, stateRefused, writing } from '../answers.ts';
import { actorOf, type OperatorDeps } from '../deps.ts';
import { OPERATOR_FIELD_RULES as fieldRules } from '../field-rules.ts';
import { ClientParams, operatorOperation } from '../operation.ts';

const DAY_SECONDS = 86_400;
/** How long an old secret stays valid when the body does not say it. */
export const overlapMsOf = ({ overlap_seconds = DAY_SECONDS }: { overlap_seconds?: number }): number =>
  overlap_seconds * 1_000;

const clientView = (client: ListedClient): OperatorClient => ({
  client_id: client.clientId,
  name: client.name,
  mode: client.mode,
  users: client.users,
  endpoints: client.endpoints,
  valid_secrets: client.validSecrets,
  created_at: client.createdAt.toISOString(),
  disabled_at: client.disabledAt?.toISOString() ?? null,
});

function switched(
  result: Switched,
  { clientId, enabled }: { clientId: string; enabled: boolean },
): WriteResult {
  if (result === 'not_found') return noSuch('client');
  const state = enabled ? 'enabled' : 'disabled';
  if (result === 'unchanged') return stateRefused(`The client is already ${state}.`);
  return answered(`Client ${state}.`, { client_id: clientId, enabled });
}

/** `/operator/v1/clients`: integrators and their secrets. */
export const clientRoutes: FastifyPluginAsyncTypebox<OperatorDeps> = async (app, deps) => {
  const { database } = deps;

  app.route({
    method: 'GET',
    url: '/operator/v1/clients',
    schema: {
      ...operatorOperation({
        operationId: 'listClients',
        tag: 'Clients',
        summary: 'List clients',
        description: 'Newest first. Secrets are not part of it.',
        scope: 'clients:read',
        reply: OperatorClientListSchema,
        errors: ['read_too_costly'],
      }),
      querystring: PageQuerySchema,
    },
    config: { fieldRules },
    handler: async (request, reply) => {
      const read = pageFrom(request);
      if (read.outcome === 'invalid') return sendError(request, reply, 'invalid_field', read);
      const { page } = read;
      const rows = await deps.costly.run({ clientPk: operatorOf(request).keyPk }, (costly) =>
        pageOfClients(costly, { after: page.after, limit: page.limit + 1 }),
      );
      const placeOf = ({ createdAt, clientId }: ListedClient) => ({ createdAt, id: clientId });
      const { rows: shown, ...more } = pageOf(rows, { ...page, placeOf });
      return reply.send({ success: true, message: 'Clients.', data: shown.map(clientView), ...more });
    },
  });

  app.route({
    method: 'POST',
    url: '/operator/v1/clients',
    schema: {
      ...operatorOperation({
        operationId: 'createClient',
        tag: 'Clients',
        summary: 'Make a client',
        description: 'Only this answer has its secret.',
        scope: 'clients:write',
        reply: CreatedClientReplySchema,
        keyed: true,
        body: true,
      }),
      body: componentRef(CreateClientBodySchema),
    },
    config: { fieldOrder: Object.keys(CreateClientBodySchema.properties), fieldRules },
    handler: async (request, reply) => {
      const input = { ...request.body, by: actorOf(request) };
      return writing(deps, { request, reply }, async (tx) => {
        const { clientId, clientSecret } = await createClientIn(tx, input);
        const { name, mode = 'live' } = input;
        const data = { client_id: clientId, client_secret: clientSecret, name, mode };
        return answered('Client made. Keep the secret: it is in this answer only.', data);
      });
    },
  });

  app.route({
    method: 'GET',
    url: '/operator/v1/clients/:client_id',
    schema: {
      ...operatorOperation({
        operationId: 'getClient',
        tag: 'Clients',
        summary: 'Show a client',
        description: 'Its secrets are not part of it.',
        scope: 'clients:read',
        reply: OperatorClientReplySchema,
        errors: ['record_not_found'],
      }),
      params: ClientParams,
    },
    handler: async (request, reply) => {
      const { client_id: clientId } = request.params;
      const found = await reading(deps, request, () => findListedClient({ database }, { clientId }));
      if (found === null) return sendError(request, reply, 'record_not_found', { record: 'client' });
      return reply.send({ success: true, message: 'Client.', data: clientView(found) });
    },
  });

  for (const enabled of [false, true]) {
    const verb = enabled ? 'enable' : 'disable';
    app.route({
      method: 'POST',
      url: `/operator/v1/clients/:client_id/${verb}`,
      schema: {
        ...operatorOperation({
          operationId: `${verb}Client`,
          tag: 'Clients',
          summary: enabled ? 'Let a client in again' : 'Stop a client',
          description: enabled
            ? 'Those of its secrets and of its users’ access tokens that have not expired work again within seconds.'
            : 'Its credentials and those of its users are refused within seconds. Accepted payments go on.',
          scope: 'clients:write',
          reply: SwitchedClientReplySchema,
          keyed: true,
          errors: ['record_not_found', 'state_refused'],
        }),
        params: ClientParams,
      },
      handler: async (request, reply) => {
        const input = { clientId: request.params.client_id, by: actorOf(request) };
        const change = enabled ? enableClient : disableClient;
        return writing(deps, { request, reply }, async (tx) =>
          switched(await change(tx, input), { clientId: input.clientId, enabled }),
        );
      },
    });
  }

  app.route({
    method: 'POST',
    url: '/operator/v1/clients/:client_id/rotate-secret',
    schema: {
      ...operatorOperation({
        operationId: 'rotateClientSecret',
        tag: 'Clients',
        summary: 'Give a client another secret',
        description: 'The one before it stays valid until the overlap ends. The body may be left out.',
        scope: 'secrets:write',
        reply: RotatedClientSecretReplySchema,
        keyed: true,
        body: 'optional',
        errors: ['record_not_found', 'state_refused'],
      }),
      params: ClientParams,
      body: componentRef(RotateBodySchema),
    },
    config: { fieldOrder: Object.keys(RotateBodySchema.properties), fieldRules },
    preValidation: emptyBodyAsObject,
    handler: async (request, reply) => {
      const { client_id: clientId } = request.params;
      const input = { clientId, overlapMs: overlapMsOf(request.body), by: actorOf(request) };
      return writing(deps, { request, reply }, async (tx) => {
        const rotated = await rotateClientSecretIn(tx, input);
        if (rotated.outcome === 'not_found') return noSuch('client');
        if (rotated.outcome === 'disabled')
          return stateRefused('The client is disabled; it gets no new secret.');
        return answered('The new secret is valid from now on. It is in this answer only.', {
          client_id: clientId,
          client_secret: rotated.secret,
          old_valid_until: rotated.oldUntil.toISOString(),
        });
      });
    },
  });
};
