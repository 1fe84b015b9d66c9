import { StatusReplySchema } from '@emr-payments/contracts/operator';
import { diagnose } from '@emr-payments/operations';
import { within } from '@emr-payments/runtime';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { operatorOf } from '../../http/operator-caller.ts';
import type { OperatorDeps } from '../deps.ts';
import { operatorOperation } from '../operation.ts';

/** Longest time for all checks: the queue and the EMRs have five seconds each. */
const STATUS_MS = 30_000;

/** Sealed values of each kind that are opened. All of them would keep this process, which accepts payments, busy for minutes. */
const MOST_SEALED = 1_000;

/** `GET /operator/v1/status`: what `emr-payments doctor` finds, in the process that answers. */
export const statusRoutes: FastifyPluginAsyncTypebox<OperatorDeps> = async (app, deps) => {
  app.route({
    method: 'GET',
    url: '/operator/v1/status',
    schema: operatorOperation({
      operationId: 'getStatus',
      tag: 'Service',
      summary: 'Check the whole service',
      description:
        'What `emr-payments doctor` checks, in the process that answers: migrations, queue, clock, keys, holds, connections. Of the sealed values it opens up to 1,000 of each kind; `doctor` opens all. It takes seconds; for a load balancer there is `/health/ready`.',
      scope: 'status:read',
      reply: StatusReplySchema,
    }),
    handler: async (request, reply) => {
      const checking = deps.trials.run(operatorOf(request).keyPk, () =>
        diagnose(deps, { mostSealed: MOST_SEALED }),
      );
      const checks = await within(STATUS_MS, checking);
      const ok = checks.every(({ state }) => state !== 'failed');
      return reply.send({
        success: true,
        message: ok ? 'Everything is in order.' : 'A check has failed.',
        data: { ok, checks: checks.map(({ check, state, found }) => ({ check, state, found })) },
      });
    },
  });
};
