import {
  ChangeConnectionBodySchema,
  CheckedConnectionReplySchema,
  ConnectedUserReplySchema,
  ConnectUserBodySchema,
  OperatorConnectionReplySchema,
  SavedConnectionReplySchema,
} from '@emr-payments/contracts/operator';
import {
  type ConnectionOwner,
  checkUserConnection,
  prepareConnection,
  showUser,
} from '@emr-payments/operations';
import { within } from '@emr-payments/runtime';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { sendError } from '../../errors/send-error.ts';
import { operatorOf } from '../../http/operator-caller.ts';
import { answerPrepared } from '../../idempotency/answer-prepared.ts';
import { componentRef } from '../../openapi/component-ref.ts';
import { answered, keyContext, reading } from '../answers.ts';
import { actorOf, type OperatorDeps } from '../deps.ts';
import { OPERATOR_FIELD_RULES as fieldRules } from '../field-rules.ts';
import { operatorOperation, UserParams } from '../operation.ts';
import { type ConnectionBody, checkView, connectionView, refusalOf, setUpFrom } from './connection-view.ts';

/** Longest time for trying a connection (45 s for all calls to the EMR), and for what is read and written besides. */
const TRIAL_MS = 60_000;

/** `/operator/v1/users/{user_id}/connection` and the making of users: EMR connections. */
export const connectionRoutes: FastifyPluginAsyncTypebox<OperatorDeps> = async (app, deps) => {
  const { database } = deps;

  /** Tries a connection without a place in the pool, then saves it in one transaction, once for each Idempotency-Key. */
  function connect(
    { request, reply }: { request: FastifyRequest; reply: FastifyReply },
    { owner, body }: { owner: ConnectionOwner; body: ConnectionBody },
  ): Promise<FastifyReply> {
    const input = setUpFrom(body, { owner, by: actorOf(request) });
    const { keyPk } = operatorOf(request);
    const answering = answerPrepared(deps, keyContext(request, reply), async () => {
      const prepared = await deps.trials.run(keyPk, () => prepareConnection(deps, input));
      if (prepared.outcome !== 'ready') return refusalOf(prepared);
      return {
        outcome: 'ready',
        saved: prepared.saved,
        async save(tx) {
          const saved = await prepared.save(tx);
          const { remarks, unusable, publicId } = saved;
          const notes = { remarks: [...remarks], unusable: [...unusable] };
          if (saved.outcome === 'changed')
            return answered('Connection saved.', { user_id: publicId, ...notes });
          const data = { user_id: publicId, access_token: saved.accessToken, ...notes };
          return answered('User connected. Keep the access token: it is in this answer only.', data);
        },
      };
    });
    return within(TRIAL_MS, answering);
  }

  app.route({
    method: 'POST',
    url: '/operator/v1/users',
    schema: {
      ...operatorOperation({
        operationId: 'connectUser',
        tag: 'Connections',
        summary: 'Make a user with its EMR connection',
        description:
          'The connection is tried first, which writes nothing in the EMR and takes up to half a minute; it is saved only when it works. Only this answer has the access token.',
        scope: 'connections:write',
        reply: ConnectedUserReplySchema,
        keyed: true,
        body: true,
        errors: ['record_not_found', 'connection_refused'],
      }),
      body: componentRef(ConnectUserBodySchema),
    },
    config: { fieldOrder: Object.keys(ConnectUserBodySchema.properties), fieldRules },
    handler: async (request, reply) => {
      const { client_id: clientId, name, ...body } = request.body;
      return connect({ request, reply }, { owner: { clientId, name }, body });
    },
  });

  app.route({
    method: 'PUT',
    url: '/operator/v1/users/:user_id/connection',
    schema: {
      ...operatorOperation({
        operationId: 'changeConnection',
        tag: 'Connections',
        summary: 'Change the connection of a user',
        description:
          'Puts this connection in place of the one that the user has, after a trial as when a user is made. Payments that wait for the login go out. What is the same as what is stored changes nothing.',
        scope: 'connections:write',
        reply: SavedConnectionReplySchema,
        keyed: true,
        body: true,
        errors: ['record_not_found', 'connection_refused'],
      }),
      params: UserParams,
      body: componentRef(ChangeConnectionBodySchema),
    },
    config: { fieldOrder: Object.keys(ChangeConnectionBodySchema.properties), fieldRules },
    handler: async (request, reply) =>
      connect({ request, reply }, { owner: { publicId: request.params.user_id }, body: request.body }),
  });

  app.route({
    method: 'GET',
    url: '/operator/v1/users/:user_id/connection',
    schema: {
      ...operatorOperation({
        operationId: 'getConnection',
        tag: 'Connections',
        summary: 'Show the connection of a user',
        description:
          'How it is set up and how its login is, without a call to the EMR. The credentials are not part of it.',
        scope: 'connections:read',
        reply: OperatorConnectionReplySchema,
        errors: ['record_not_found', 'state_refused'],
      }),
      params: UserParams,
    },
    handler: async (request, reply) => {
      const { user_id: publicId } = request.params;
      const shown = await reading(deps, request, () =>
        showUser({ database, readKeyring: () => deps.keyring }, { publicId }),
      );
      if (shown === null) return sendError(request, reply, 'record_not_found', { record: 'user' });
      const data = connectionView(shown);
      if (data === null)
        return sendError(request, reply, 'state_refused', { reason: 'The user has no connection.' });
      return reply.send({ success: true, message: 'Connection.', data });
    },
  });

  app.route({
    method: 'POST',
    url: '/operator/v1/users/:user_id/connection/check',
    schema: {
      ...operatorOperation({
        operationId: 'checkConnection',
        tag: 'Connections',
        summary: 'Try the connection of a user',
        description:
          'Writes nothing in the EMR, and keeps what the EMR says about itself. It takes up to half a minute. Trying again is harmless, so it takes no Idempotency-Key.',
        scope: 'connections:write',
        reply: CheckedConnectionReplySchema,
        errors: ['record_not_found', 'state_refused'],
      }),
      params: UserParams,
    },
    config: { storesNothing: () => true },
    handler: async (request, reply) => {
      const input = { publicId: request.params.user_id, by: actorOf(request) };
      const checking = deps.trials.run(operatorOf(request).keyPk, () => checkUserConnection(deps, input));
      const checked = await within(TRIAL_MS, checking);
      if (checked.outcome === 'no_user')
        return sendError(request, reply, 'record_not_found', { record: 'user' });
      const view = checkView(checked, input);
      if ('refused' in view) return sendError(request, reply, 'state_refused', { reason: view.refused });
      return reply.send({
        success: true,
        message: view.works ? 'The connection works.' : 'The connection does not work.',
        data: view,
      });
    },
  });
};
