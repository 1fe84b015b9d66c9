import {
  type OauthApp,
  OauthAppListSchema,
  RemovedOauthAppReplySchema,
  RemoveOauthAppBodySchema,
  SetOauthAppBodySchema,
  SetOauthAppReplySchema,
} from '@emr-payments/contracts/operator';
import type { OauthApplicationRecord } from '@emr-payments/db';
import { listOauthApplications, removeOauthApp, setOauthAppIn } from '@emr-payments/operations';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { redirectUriOf } from '../../connect-page/page-deps.ts';
import { componentRef } from '../../openapi/component-ref.ts';
import { answered, badField, noSuch, reading, writing } from '../answers.ts';
import { actorOf, type OperatorDeps } from '../deps.ts';
import { OPERATOR_FIELD_RULES as fieldRules } from '../field-rules.ts';
import { operatorOperation } from '../operation.ts';

/** Shows an application. Its secret is left out here, so that no route can show it. */
const view = (app: OauthApplicationRecord): OauthApp => ({
  adapter: app.adapter,
  base_url: app.baseUrl,
  authorize_url: app.authorizeUrl,
  token_url: app.tokenUrl,
  client_id: app.clientId,
  scopes: app.scopes,
  issuer: app.issuer,
});

/** `/operator/v1/oauth-apps`: the operator's applications at EMRs, with which practices log in over the connect page. */
export const oauthAppRoutes: FastifyPluginAsyncTypebox<OperatorDeps> = async (app, deps) => {
  const { database, keyring, publicUrl } = deps;

  app.route({
    method: 'GET',
    url: '/operator/v1/oauth-apps',
    schema: operatorOperation({
      operationId: 'listOauthApps',
      tag: 'Connections',
      summary: 'List the applications at EMRs',
      description: 'With which practices log in over the connect page. Their secrets are not part of it.',
      scope: 'oauth_apps:read',
      reply: OauthAppListSchema,
    }),
    handler: async (request, reply) => {
      const all = await reading(deps, request, () => listOauthApplications({ database }));
      const data = all.map(view);
      return reply.send({
        success: true,
        message: 'Applications.',
        data,
        has_more: false,
        next_cursor: null,
      });
    },
  });

  app.route({
    method: 'POST',
    url: '/operator/v1/oauth-apps',
    schema: {
      ...operatorOperation({
        operationId: 'setOauthApp',
        tag: 'Connections',
        summary: 'Keep an application at an EMR',
        description:
          'In place of the one with the same adapter and base URL. What is the same as what is stored changes nothing. Practices log in at `authorize_url`, and the service sends the secret to `token_url`: give the right to change them to few keys.',
        scope: 'oauth_apps:write',
        reply: SetOauthAppReplySchema,
        keyed: true,
        body: true,
      }),
      body: componentRef(SetOauthAppBodySchema),
    },
    config: {
      fieldOrder: Object.keys(SetOauthAppBodySchema.properties),
      // Its client id is the EMR's, and none of ours.
      fieldRules: { ...fieldRules, client_id: fieldRules.client_secret },
    },
    handler: async (request, reply) => {
      const { body } = request;
      const input = {
        adapter: body.adapter,
        baseUrl: body.base_url,
        authorizeUrl: body.authorize_url ?? null,
        tokenUrl: body.token_url ?? null,
        clientId: body.client_id,
        clientSecret: body.client_secret,
        scopes: body.scopes ?? '',
        issuer: body.issuer ?? null,
        by: actorOf(request),
      };
      return writing(deps, { request, reply }, async (tx) => {
        const result = await setOauthAppIn({ ...tx, keyring }, input);
        switch (result.outcome) {
          case 'unknown_adapter':
            return badField('adapter', fieldRules.adapter);
          case 'no_logins':
            return badField('adapter', `must be one whose practices log in: ${result.adapters.join(', ')}`);
          case 'wrong':
            return badField(result.field, result.rule);
          case 'set':
          case 'unchanged': {
            const { adapter, baseUrl } = result.application;
            return answered('Application kept. Register its redirect URI at the EMR.', {
              adapter,
              base_url: baseUrl,
              redirect_uri: publicUrl === undefined ? null : redirectUriOf(publicUrl),
            });
          }
        }
      });
    },
  });

  app.route({
    method: 'POST',
    url: '/operator/v1/oauth-apps/remove',
    schema: {
      ...operatorOperation({
        operationId: 'removeOauthApp',
        tag: 'Connections',
        summary: 'Remove an application at an EMR',
        description: 'Nobody logs in with it any more. Connections that were made with it go on.',
        scope: 'oauth_apps:write',
        reply: RemovedOauthAppReplySchema,
        keyed: true,
        body: true,
        errors: ['record_not_found'],
      }),
      body: componentRef(RemoveOauthAppBodySchema),
    },
    config: { fieldOrder: Object.keys(RemoveOauthAppBodySchema.properties), fieldRules },
    handler: async (request, reply) => {
      const { adapter, base_url: baseUrl } = request.body;
      const by = actorOf(request);
      return writing(deps, { request, reply }, async (tx) => {
        const removed = await removeOauthApp(tx, { adapter, baseUrl, by });
        if (removed === 'not_found') return noSuch('application');
        return answered('Application removed.', { adapter, base_url: baseUrl });
      });
    },
  });
};
