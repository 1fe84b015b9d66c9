import { SyncBodySchema, type SyncReply, SyncReplySchema } from '@emr-payments/contracts';
import { type Database, startSync } from '@emr-payments/db';
import { type Keyring, type Shares, within } from '@emr-payments/runtime';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { actorOf } from '../auth/authenticate-client-hook.ts';
import { authenticateHook, callerOf, type UserRouteDeps } from '../auth/authenticate-hook.ts';
import { emptyBodyAsObject } from '../http/json-body.ts';
import { answerOnce } from '../idempotency/answer-once.ts';
import { componentRef, OPTIONAL_BODY } from '../openapi/component-ref.ts';
import {
  BODY_ERRORS,
  errorResponses,
  KEY_ERRORS,
  KEYED_ANSWER_HEADERS,
  KeyedHeadersSchema,
  USER_ERRORS,
  USER_SECURITY,
} from '../openapi/error-responses.ts';

export type SyncRouteDeps = UserRouteDeps & {
  database: Pick<Database, 'pool'>;
  writes: Shares;
  keyring: Keyring;
};

const startSyncOperation = {
  operationId: 'startSync',
  tags: ['Connection'],
  summary: 'Start a sync',
  description:
    "Reads the patients, payment methods and locations of the user's EMR, as the schedule does once a day unless the operator " +
    'configures another time. It is carried out in the background and leaves room for payments; the job shows how far it is. One at a ' +
    'time: while a sync waits or runs, the answer names its job. With `full` a sync that reads only what has changed becomes a full one, or ' +
    'begins again as one; its job stays the same.',
  security: USER_SECURITY,
  headers: KeyedHeadersSchema,
  body: componentRef(SyncBodySchema),
  [OPTIONAL_BODY]: true,
  response: {
    200: {
      ...componentRef(SyncReplySchema),
      description: 'The sync is started, or was already',
      headers: KEYED_ANSWER_HEADERS,
    },
    ...errorResponses([...USER_ERRORS, ...BODY_ERRORS, ...KEY_ERRORS, 'connection_unusable']),
  },
};

const SAID = {
  started: 'Sync started',
  running: 'A sync is under way',
  raised: 'The sync under way will read all patients',
} as const;

/** `POST /v1/sync`. */
export const syncRoutes: FastifyPluginAsyncTypebox<SyncRouteDeps> = async (app, deps) => {
  app.post(
    '/v1/sync',
    {
      schema: startSyncOperation,
      config: {
        fieldOrder: Object.keys(SyncBodySchema.properties),
        fieldRules: { full: 'must be true or false' },
      },
      onRequest: authenticateHook(deps),
      preValidation: emptyBodyAsObject,
    },
    async (request, reply) => {
      const { userId } = callerOf(request);
      const { full = false } = request.body;
      const answering = answerOnce(deps, { request, reply, owner: callerOf(request) }, async (tx) => {
        const started = await startSync(tx, { userId, full, by: actorOf(request) });
        if (started.outcome === 'no_connection') return { outcome: 'refused', code: 'connection_unusable' };
        const { jobId } = started;
        const message = `${SAID[started.outcome]}. GET the job to follow it.`;
        const body: SyncReply = { success: true, message, job_id: jobId };
        return { outcome: 'answered', body };
      });
      return within(deps.limits.waitMs, answering);
    },
  );
};
