import { StartedSyncReplySchema, StartSyncBodySchema } from '@emr-payments/contracts/operator';
import { startUserSyncIn } from '@emr-payments/operations';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { emptyBodyAsObject } from '../../http/json-body.ts';
import { componentRef } from '../../openapi/component-ref.ts';
import { answered, noSuch, stateRefused, writing } from '../answers.ts';
import { actorOf, type OperatorDeps } from '../deps.ts';
import { OPERATOR_FIELD_RULES as fieldRules } from '../field-rules.ts';
import { operatorOperation, UserParams } from '../operation.ts';

const SAID = {
  started: 'Sync started.',
  running: 'A sync is under way already.',
  raised: 'The sync under way will read all patients.',
} as const;

/** `POST /operator/v1/users/{user_id}/sync`: reads patients and names from the EMR. The connection shows how far it is. */
export const syncRoutes: FastifyPluginAsyncTypebox<OperatorDeps> = async (app, deps) => {
  app.route({
    method: 'POST',
    url: '/operator/v1/users/:user_id/sync',
    schema: {
      ...operatorOperation({
        operationId: 'startSync',
        tag: 'Connections',
        summary: 'Start a sync',
        description:
          'Reads patients, payment methods and locations from the EMR. One at a time: while one waits or runs, it is the answer, and with `full` it becomes a full one. `last_sync` of the connection shows how far it is. The body may be left out.',
        scope: 'connections:write',
        reply: StartedSyncReplySchema,
        keyed: true,
        body: 'optional',
        errors: ['record_not_found', 'state_refused'],
      }),
      params: UserParams,
      body: componentRef(StartSyncBodySchema),
    },
    config: { fieldOrder: Object.keys(StartSyncBodySchema.properties), fieldRules },
    preValidation: emptyBodyAsObject,
    handler: async (request, reply) => {
      const { user_id: publicId } = request.params;
      const { full = false } = request.body;
      const by = actorOf(request);
      return writing(deps, { request, reply }, async (tx) => {
        const result = await startUserSyncIn(tx, { publicId, full, by });
        if (result.outcome === 'no_user') return noSuch('user');
        if (result.outcome === 'no_connection') return stateRefused('The user has no connection.');
        const { outcome, jobId } = result;
        const [started, raised] = [outcome === 'started', outcome === 'raised'];
        return answered(SAID[outcome], { user_id: publicId, job_id: jobId, started, raised });
      });
    },
  });
};
