import {
  ConnectSessionReplySchema,
  ConnectTokenReplySchema,
  type CreateConnectSessionBody,
  CreateConnectSessionBodySchema,
  CreatedConnectSessionReplySchema,
} from '@emr-payments/contracts';
import {
  type Actor,
  createConnectSession,
  type Database,
  findConnectSession,
  type Transaction,
  takeConnectToken,
} from '@emr-payments/db';
import { type Keyring, type Shares, within } from '@emr-payments/runtime';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from '@sinclair/typebox';
import { actorOf, authenticateClientHook, clientOf } from '../auth/authenticate-client-hook.ts';
import type { AuthenticateClient } from '../auth/credentials.ts';
import { sendError } from '../errors/send-error.ts';
import { answerOnce, type WriteResult } from '../idempotency/answer-once.ts';
import type { Limits } from '../limits.ts';
import { componentRef } from '../openapi/component-ref.ts';
import type { Gate } from '../rate-limit/gate.ts';
import { clientOperation } from '../webhooks/operation.ts';
import { sessionView } from './session-view.ts';

export type ConnectSessionDeps = {
  database: Pick<Database, 'pool'>;
  writes: Shares;
  keyring: Keyring;
  authenticateClient: AuthenticateClient;
  gate: Gate;
  limits: Limits;
  /** The beginning of the links; undefined: the service has no connect page. */
  publicUrl: string | undefined;
};

const SessionParams = Type.Object({
  id: Type.String({
    description: 'The `id` of the connect session.',
    examples: ['cs_1J9X2q2eZvKYlo2CluR9g9gV'],
  }),
});

/** The rules of the fields, for the brackets of the error that names one. */
const fieldRules = {
  return_url: 'must be a URL of at most 2048 characters',
  adapter: 'must be the name of an EMR',
  user_id: 'must be the id of one of your users',
};

const NOT_REGISTERED = {
  field: 'return_url',
  rule: 'must be one that the operator has registered for you, letter by letter',
};

const refuse = (code: Extract<WriteResult, { outcome: 'refused' }>['code']): WriteResult => ({
  outcome: 'refused',
  code,
});

async function create(
  tx: Transaction,
  input: { clientPk: number; body: CreateConnectSessionBody; publicUrl: string; by: Actor },
): Promise<WriteResult> {
  const { clientPk, body, publicUrl, by } = input;
  const made = await createConnectSession(tx, {
    clientPk,
    userPublicId: body.user_id ?? null,
    adapter: body.adapter ?? null,
    returnUrl: body.return_url,
    by,
  });
  if (made.outcome === 'return_url_unknown')
    return { outcome: 'refused', code: 'invalid_field', details: NOT_REGISTERED };
  if (made.outcome === 'user_not_found') return refuse('user_not_found');
  if (made.outcome === 'limit_reached') return refuse('connect_session_limit_reached');
  const { id, secret } = made;
  const session = await findConnectSession(tx, { id, clientPk });
  if (session === null) throw new Error('the new connect session cannot be read');
  const data = { id, url: `${publicUrl}/connect#${secret}`, expires_at: session.expiresAt.toISOString() };
  return { outcome: 'answered', body: { success: true, message: 'Connect session created.', data } };
}

async function takeToken(
  tx: Transaction,
  input: { id: string; clientPk: number; by: Actor },
): Promise<WriteResult> {
  const taken = await takeConnectToken(tx, input);
  switch (taken.outcome) {
    case 'not_found':
      return refuse('connect_session_not_found');
    case 'not_connected':
      return refuse('connect_session_open');
    case 'over':
      return refuse('connect_session_over');
    case 'given_out':
      return refuse('access_token_given_out');
    case 'taken': {
      const data = { user_id: taken.userPublicId, access_token: taken.accessToken };
      const message = 'Keep the access token: it is shown only now.';
      return { outcome: 'answered', body: { success: true, message, data } };
    }
  }
}

/** True for the name of an adapter. The first session that names one loads the dialects. */
const isAdapter = async (name: string): Promise<boolean> =>
  (await import('@emr-payments/emr')).adapterNames.includes(name);

/** `/v1/connect-sessions`: links by which practices connect themselves. They belong to a client, and need no access token. */
export const connectSessionRoutes: FastifyPluginAsyncTypebox<ConnectSessionDeps> = async (app, deps) => {
  const { database, publicUrl } = deps;
  const patiently = <T>(work: Promise<T>) => within(deps.limits.waitMs, work);
  app.addHook('onRequest', authenticateClientHook(deps));

  app.route({
    method: 'POST',
    url: '/v1/connect-sessions',
    schema: {
      ...clientOperation({
        operationId: 'createConnectSession',
        tag: 'Connecting',
        summary: 'Create a link for a practice',
        description:
          "Makes a one-time link of 15 minutes. The practice's person opens it, chooses the EMR, types its credentials or logs in " +
          'there; the connection is tried and saved. Then the browser returns to `return_url`, and you get the event ' +
          '`user.connected`. With `user_id` the link renews the login of that user.',
        reply: CreatedConnectSessionReplySchema,
        keyed: true,
        body: true,
        errors: ['user_not_found', 'connect_unavailable', 'connect_session_limit_reached'],
      }),
      body: componentRef(CreateConnectSessionBodySchema),
    },
    config: { fieldOrder: Object.keys(CreateConnectSessionBodySchema.properties), fieldRules },
    handler: async (request, reply) => {
      const { body } = request;
      if (publicUrl === undefined) return sendError(request, reply, 'connect_unavailable');
      if (body.adapter !== undefined && body.user_id !== undefined) {
        const rule = 'must not be given together with user_id, whose EMR is known';
        return sendError(request, reply, 'invalid_field', { field: 'adapter', rule });
      }
      if (body.adapter !== undefined && !(await isAdapter(body.adapter)))
        return sendError(request, reply, 'invalid_field', { field: 'adapter', rule: fieldRules.adapter });
      const input = { clientPk: clientOf(request).clientPk, body, publicUrl, by: actorOf(request) };
      return patiently(answerOnce(deps, { request, reply }, (tx) => create(tx, input)));
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/connect-sessions/:id',
    schema: {
      ...clientOperation({
        operationId: 'getConnectSession',
        tag: 'Connecting',
        summary: 'Read a connect session',
        description:
          'How far the person has come. You need not poll it: wait for the event `user.connected`.',
        reply: ConnectSessionReplySchema,
        errors: ['connect_session_not_found'],
      }),
      params: SessionParams,
    },
    handler: async (request, reply) => {
      const { clientPk } = clientOf(request);
      const found = await patiently(findConnectSession({ database }, { id: request.params.id, clientPk }));
      if (found === null) return sendError(request, reply, 'connect_session_not_found');
      return reply.send({ success: true, message: 'Connect session.', data: sessionView(found) });
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/connect-sessions/:id/token',
    schema: {
      ...clientOperation({
        operationId: 'takeConnectToken',
        tag: 'Connecting',
        summary: 'Fetch the access token',
        description:
          'Gives the access token of the user that the session has connected, once. Send it with an Idempotency-Key: if the answer is ' +
          'lost, the same request gets it again. A session that renewed a login has none: the user keeps its token.',
        reply: ConnectTokenReplySchema,
        keyed: true,
        errors: [
          'connect_session_not_found',
          'connect_session_open',
          'connect_session_over',
          'access_token_given_out',
        ],
      }),
      params: SessionParams,
    },
    handler: async (request, reply) => {
      const input = {
        id: request.params.id,
        clientPk: clientOf(request).clientPk,
        by: actorOf(request),
      };
      return patiently(answerOnce(deps, { request, reply }, (tx) => takeToken(tx, input)));
    },
  });
};
