import {
  CreatedWebhookEndpointReplySchema,
  CreateWebhookEndpointBodySchema,
  DeletedWebhookEndpointReplySchema,
  ListWebhooksQuerySchema,
  RotatedSecretReplySchema,
  RotateSecretBodySchema,
  UpdatedWebhookEndpointReplySchema,
  UpdateWebhookEndpointBodySchema,
  WebhookEndpointListSchema,
  WebhookEndpointReplySchema,
} from '@emr-payments/contracts';
import { deleteEndpoint, findEndpoint, pageOfEndpoints } from '@emr-payments/db';
import { within } from '@emr-payments/runtime';
import { checkEndpoint } from '@emr-payments/webhooks';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { actorOf, clientOf } from '../auth/authenticate-client-hook.ts';
import { sendError } from '../errors/send-error.ts';
import { emptyBodyAsObject } from '../http/json-body.ts';
import { pageFrom, pageOf } from '../http/page.ts';
import { answerOnce, type KeyContext, type WriteResult } from '../idempotency/answer-once.ts';
import { answerPrepared, type ReadyWrite } from '../idempotency/answer-prepared.ts';
import type { Limits } from '../limits.ts';
import { componentRef } from '../openapi/component-ref.ts';
import { createEndpoint } from './create-endpoint.ts';
import { endpointView } from './endpoint-view.ts';
import { WEBHOOK_FIELD_RULES as fieldRules } from './field-rules.ts';
import { clientOperation, EndpointParams, type WebhookDeps } from './operation.ts';
import { renewSigningSecret } from './signing-secret.ts';
import { updateEndpoint } from './update-endpoint.ts';

/** `/v1/webhooks` and `/v1/webhooks/{id}`: the endpoints that receive a client's events. */
export const endpointRoutes: FastifyPluginAsyncTypebox<WebhookDeps & { limits: Limits }> = async (
  app,
  deps,
) => {
  const { database } = deps;
  const { waitMs } = deps.limits;
  const patiently = <T>(work: Promise<T>) => within(waitMs, work);
  /** Waits for the DNS and then for the database. */
  const prepared = (context: KeyContext, prepare: Parameters<typeof answerPrepared>[2]) =>
    within(
      2 * waitMs,
      answerPrepared(deps, context, () => patiently(prepare())),
    );

  app.route({
    method: 'POST',
    url: '/v1/webhooks',
    schema: {
      ...clientOperation({
        operationId: 'createWebhook',
        tag: 'Webhooks',
        summary: 'Register a webhook endpoint',
        description:
          'Events from now on are sent to it. Only this answer contains the secret. The endpoint keeps the payload version ' +
          'that is current today.',
        reply: CreatedWebhookEndpointReplySchema,
        keyed: true,
        body: true,
        errors: ['endpoint_exists', 'endpoint_limit_reached'],
      }),
      body: componentRef(CreateWebhookEndpointBodySchema),
    },
    config: { fieldOrder: Object.keys(CreateWebhookEndpointBodySchema.properties), fieldRules },
    handler: async (request, reply) => {
      const { body } = request;
      const input = { clientPk: clientOf(request).clientPk, body, by: actorOf(request) };
      return prepared({ request, reply }, async () => {
        const refused = await checkEndpointUrl(deps, body.url);
        return refused ?? ready((tx) => createEndpoint({ ...tx, keyring: deps.keyring }, input));
      });
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/webhooks',
    schema: {
      ...clientOperation({
        operationId: 'listWebhooks',
        tag: 'Webhooks',
        summary: 'List webhook endpoints',
        description: 'Newest first. Secrets are not part of it.',
        reply: WebhookEndpointListSchema,
        errors: ['invalid_field', 'read_too_costly'],
      }),
      querystring: ListWebhooksQuerySchema,
    },
    config: { fieldRules },
    handler: async (request, reply) => {
      const read = pageFrom(request);
      if (read.outcome === 'invalid') return sendError(request, reply, 'invalid_field', read);
      const { page } = read;
      const { clientPk } = clientOf(request);
      const rows = await patiently(
        deps.costly.run({ clientPk }, (costly) =>
          pageOfEndpoints(costly, { clientPk, after: page.after, limit: page.limit + 1 }),
        ),
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
    method: 'GET',
    url: '/v1/webhooks/:id',
    schema: {
      ...clientOperation({
        operationId: 'getWebhook',
        tag: 'Webhooks',
        summary: 'Read a webhook endpoint',
        description:
          'One endpoint with its state: enabled or not, failing or not, paused or not. Its secret is not part of it.',
        reply: WebhookEndpointReplySchema,
        errors: ['endpoint_not_found'],
      }),
      params: EndpointParams,
    },
    handler: async (request, reply) => {
      const { clientPk } = clientOf(request);
      const found = await patiently(findEndpoint({ database }, { clientPk, endpointId: request.params.id }));
      if (found === null) return sendError(request, reply, 'endpoint_not_found');
      return reply.send({ success: true, message: 'Webhook endpoint.', data: endpointView(found) });
    },
  });

  app.route({
    method: 'PATCH',
    url: '/v1/webhooks/:id',
    schema: {
      ...clientOperation({
        operationId: 'updateWebhook',
        tag: 'Webhooks',
        summary: 'Change, disable or enable a webhook endpoint',
        description:
          'A field that is left out stays as it is. Enabling a disabled endpoint resets its failures; `recoverable` in the ' +
          'answer then counts the events that it missed.',
        reply: UpdatedWebhookEndpointReplySchema,
        keyed: true,
        body: true,
        errors: ['endpoint_not_found', 'endpoint_exists'],
      }),
      params: EndpointParams,
      body: componentRef(UpdateWebhookEndpointBodySchema),
    },
    config: { fieldOrder: Object.keys(UpdateWebhookEndpointBodySchema.properties), fieldRules },
    handler: async (request, reply) => {
      const { body } = request;
      const input = { clientPk: clientOf(request).clientPk, endpointId: request.params.id, body };
      const by = actorOf(request);
      return prepared({ request, reply }, async () => {
        // An endpoint of another client is not found, even with a bad URL.
        const refused =
          body.url !== undefined && (await findEndpoint({ database }, input)) !== null
            ? await checkEndpointUrl(deps, body.url)
            : null;
        return refused ?? ready((tx) => updateEndpoint(tx, { ...input, by }));
      });
    },
  });

  app.route({
    method: 'DELETE',
    url: '/v1/webhooks/:id',
    schema: {
      ...clientOperation({
        operationId: 'deleteWebhook',
        tag: 'Webhooks',
        summary: 'Delete a webhook endpoint',
        description:
          'Nothing more is sent to it, and its secrets are deleted. To pause an endpoint, disable it instead.',
        reply: DeletedWebhookEndpointReplySchema,
        errors: ['endpoint_not_found'],
        keyed: true,
      }),
      params: EndpointParams,
    },
    handler: async (request, reply) => {
      const key = { clientPk: clientOf(request).clientPk, endpointId: request.params.id };
      const by = actorOf(request);
      return patiently(
        answerOnce(deps, { request, reply }, async (tx) => {
          const deleted = await deleteEndpoint(tx, { key, by });
          if (!deleted) return { outcome: 'refused', code: 'endpoint_not_found' };
          const data = { id: key.endpointId, deleted: true };
          return {
            outcome: 'answered',
            body: { success: true, message: 'Webhook endpoint deleted.', data },
          };
        }),
      );
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/webhooks/:id/rotate-secret',
    schema: {
      ...clientOperation({
        operationId: 'rotateWebhookSecret',
        tag: 'Webhooks',
        summary: 'Give a webhook endpoint a new secret',
        description:
          'The new secret signs from the next attempt on. Until the overlap ends, the old one signs as well, so that you can ' +
          'change over without losing an event. Older secrets that still sign end with that overlap at the latest. At most five secrets sign at ' +
          'once: one rotation more ends the oldest immediately. The body may be left out.',
        reply: RotatedSecretReplySchema,
        keyed: true,
        body: 'optional',
        errors: ['endpoint_not_found'],
      }),
      params: EndpointParams,
      body: componentRef(RotateSecretBodySchema),
    },
    config: { fieldOrder: Object.keys(RotateSecretBodySchema.properties), fieldRules },
    preValidation: emptyBodyAsObject,
    handler: async (request, reply) => {
      const input = {
        clientPk: clientOf(request).clientPk,
        endpointId: request.params.id,
        overlapSeconds: request.body.overlap_seconds,
        by: actorOf(request),
      };
      return patiently(
        answerOnce(deps, { request, reply }, (tx) =>
          renewSigningSecret({ ...tx, keyring: deps.keyring }, input),
        ),
      );
    },
  });
};

const ready = (save: ReadyWrite['save']): ReadyWrite => ({ outcome: 'ready', save });

/**
 * Runs the whole check of packages/webhooks, DNS included. What it finds can differ from one time to the next.
 *
 * @returns null when events may be sent there; otherwise the result of the request.
 */
async function checkEndpointUrl(
  { send, resolve }: Pick<WebhookDeps, 'send' | 'resolve'>,
  url: string,
): Promise<Extract<WriteResult, { outcome: 'refused' }> | null> {
  const check = await checkEndpoint({ policy: send.policy, resolve }, url);
  if (check.ok) return null;
  return { outcome: 'refused', code: 'invalid_field', details: { field: 'url', rule: check.message } };
}
