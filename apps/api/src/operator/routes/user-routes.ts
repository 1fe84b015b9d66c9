import {
  ListUsersQuerySchema,
  NoticeAddressBodySchema,
  NoticeAddressReplySchema,
  type OperatorUser,
  OperatorUserListSchema,
  OperatorUserReplySchema,
  RotateBodySchema,
  RotatedAccessTokenReplySchema,
  SwitchedUserReplySchema,
} from '@emr-payments/contracts/operator';
import type { ListedUser } from '@emr-payments/db';
import {
  disableUser,
  enableUser,
  findListedUser,
  noticeAddressIn,
  pageOfUsers,
  rotateAccessTokenIn,
} from '@emr-payments/operations';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { sendError } from '../../errors/send-error.ts';
import { emptyBodyAsObject } from '../../http/json-body.ts';
import { operatorOf } from '../../http/operator-caller.ts';
import { pageFrom, pageOf } from '../../http/page.ts';
import { componentRef } from '../../openapi/component-ref.ts';
import { answered, missingOwner, noSuch, reading, stateRefused, writing } from '../answers.ts';
import { actorOf, type OperatorDeps } from '../deps.ts';
import { OPERATOR_FIELD_RULES as fieldRules } from '../field-rules.ts';
import { operatorOperation, UserParams } from '../operation.ts';
import { overlapMsOf } from './client-routes.ts';

const userView = (user: ListedUser): OperatorUser => ({
  user_id: user.publicId,
  client_id: user.clientId,
  name: user.name,
  adapter: user.adapter,
  base_url: user.baseUrl,
  time_zone: user.timeZone,
  connection_state: user.state,
  valid_tokens: user.validTokens,
  created_at: user.createdAt.toISOString(),
  disabled_at: user.disabledAt?.toISOString() ?? null,
});

/** `/operator/v1/users`: practice logins and their access tokens. */
export const userRoutes: FastifyPluginAsyncTypebox<OperatorDeps> = async (app, deps) => {
  const { database } = deps;

  app.route({
    method: 'GET',
    url: '/operator/v1/users',
    schema: {
      ...operatorOperation({
        operationId: 'listUsers',
        tag: 'Users',
        summary: 'List users',
        description:
          'Newest first, of all clients or of one. Access tokens and credentials are not part of it.',
        scope: 'users:read',
        reply: OperatorUserListSchema,
        errors: ['record_not_found', 'read_too_costly'],
      }),
      querystring: ListUsersQuerySchema,
    },
    config: { fieldRules },
    handler: async (request, reply) => {
      const { client_id: clientId } = request.query;
      const read = pageFrom(request);
      if (read.outcome === 'invalid') return sendError(request, reply, 'invalid_field', read);
      const { page } = read;
      const rows = await deps.costly.run({ clientPk: operatorOf(request).keyPk }, (costly) =>
        pageOfUsers(costly, { clientId, after: page.after, limit: page.limit + 1 }),
      );
      const missing = rows.length === 0 ? await missingOwner(deps, request, { clientId }) : null;
      if (missing !== null) return sendError(request, reply, 'record_not_found', { record: missing });
      const placeOf = ({ createdAt, publicId }: ListedUser) => ({ createdAt, id: publicId });
      const { rows: shown, ...more } = pageOf(rows, { ...page, placeOf });
      return reply.send({ success: true, message: 'Users.', data: shown.map(userView), ...more });
    },
  });

  app.route({
    method: 'GET',
    url: '/operator/v1/users/:user_id',
    schema: {
      ...operatorOperation({
        operationId: 'getUser',
        tag: 'Users',
        summary: 'Show a user',
        description: 'Its access tokens and credentials are not part of it.',
        scope: 'users:read',
        reply: OperatorUserReplySchema,
        errors: ['record_not_found'],
      }),
      params: UserParams,
    },
    handler: async (request, reply) => {
      const { user_id: publicId } = request.params;
      const found = await reading(deps, request, () => findListedUser({ database }, { publicId }));
      if (found === null) return sendError(request, reply, 'record_not_found', { record: 'user' });
      return reply.send({ success: true, message: 'User.', data: userView(found) });
    },
  });

  for (const enabled of [false, true]) {
    const verb = enabled ? 'enable' : 'disable';
    app.route({
      method: 'POST',
      url: `/operator/v1/users/:user_id/${verb}`,
      schema: {
        ...operatorOperation({
          operationId: `${verb}User`,
          tag: 'Users',
          summary: enabled ? 'Let a user in again' : 'Stop a user',
          description: enabled
            ? 'Those of its access tokens that have not expired work again within seconds, unless its client is disabled. If one has leaked, rotate it with `overlap_seconds` 0 afterwards.'
            : 'Its access tokens are refused within seconds. Accepted payments go on.',
          scope: 'users:write',
          reply: SwitchedUserReplySchema,
          keyed: true,
          errors: ['record_not_found', 'state_refused'],
        }),
        params: UserParams,
      },
      handler: async (request, reply) => {
        const { user_id: publicId } = request.params;
        const by = actorOf(request);
        const change = enabled ? enableUser : disableUser;
        return writing(deps, { request, reply }, async (tx) => {
          const result = await change(tx, { publicId, by });
          if (result === 'not_found') return noSuch('user');
          if (result === 'unchanged') return stateRefused(`The user is already ${verb}d.`);
          return answered(`User ${verb}d.`, { user_id: publicId, enabled });
        });
      },
    });
  }

  app.route({
    method: 'POST',
    url: '/operator/v1/users/:user_id/rotate-token',
    schema: {
      ...operatorOperation({
        operationId: 'rotateAccessToken',
        tag: 'Users',
        summary: 'Give a user another access token',
        description: 'The one before it stays valid until the overlap ends. The body may be left out.',
        scope: 'secrets:write',
        reply: RotatedAccessTokenReplySchema,
        keyed: true,
        body: 'optional',
        errors: ['record_not_found', 'state_refused'],
      }),
      params: UserParams,
      body: componentRef(RotateBodySchema),
    },
    config: { fieldOrder: Object.keys(RotateBodySchema.properties), fieldRules },
    preValidation: emptyBodyAsObject,
    handler: async (request, reply) => {
      const { user_id: publicId } = request.params;
      const input = { publicId, overlapMs: overlapMsOf(request.body), by: actorOf(request) };
      return writing(deps, { request, reply }, async (tx) => {
        const rotated = await rotateAccessTokenIn(tx, input);
        if (rotated.outcome === 'not_found') return noSuch('user');
        if (rotated.outcome === 'disabled')
          return stateRefused('The user is disabled; it gets no new token.');
        return answered('The new access token is valid from now on. It is in this answer only.', {
          user_id: publicId,
          access_token: rotated.secret,
          old_valid_until: rotated.oldUntil.toISOString(),
        });
      });
    },
  });

  app.route({
    method: 'POST',
    url: '/operator/v1/users/:user_id/notice-address',
    schema: {
      ...operatorOperation({
        operationId: 'giveNoticeAddress',
        tag: 'Users',
        summary: 'Give a user an address for the notices of its EMR',
        description:
          'The EMR sends a notice there when it has done something about a payment, which is then looked up sooner.',
        scope: 'secrets:write',
        reply: NoticeAddressReplySchema,
        keyed: true,
        body: 'optional',
        errors: ['record_not_found', 'state_refused'],
      }),
      params: UserParams,
      body: componentRef(NoticeAddressBodySchema),
    },
    config: { fieldOrder: Object.keys(NoticeAddressBodySchema.properties), fieldRules },
    preValidation: emptyBodyAsObject,
    handler: async (request, reply) => {
      const { user_id: publicId } = request.params;
      const { rotate = false } = request.body;
      const by = actorOf(request);
      return writing(deps, { request, reply }, async (tx) => {
        const given = await noticeAddressIn(tx, { publicId, rotate, by });
        switch (given.outcome) {
          case 'given': {
            const { path, replaced } = given;
            return answered('Give it to the EMR, and to nobody else. It is in this answer only.', {
              user_id: publicId,
              path,
              replaced,
            });
          }
          case 'has_one':
            return stateRefused(
              `The user has an address since ${given.since.toISOString()}. Send \`rotate\`: true for another one.`,
            );
          case 'no_notices':
            return stateRefused(`The EMR of the user sends no notices (adapter ${given.adapter}).`);
          case 'no_connection':
            return stateRefused('The user has no connection.');
          case 'no_user':
            return noSuch('user');
        }
      });
    },
  });
};
