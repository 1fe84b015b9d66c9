import { JobReplySchema, type JobView } from '@emr-payments/contracts';
import { findJob, findSyncRun, type Statements } from '@emr-payments/db';
import { within } from '@emr-payments/runtime';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from '@sinclair/typebox';
import { authenticateHook, callerOf, type UserRouteDeps } from '../auth/authenticate-hook.ts';
import { sendError } from '../errors/send-error.ts';
import { componentRef } from '../openapi/component-ref.ts';
import { ANSWER_HEADERS, errorResponses, USER_ERRORS, USER_SECURITY } from '../openapi/error-responses.ts';
import { syncJobView } from '../sync/sync-view.ts';

/** Numbers of fifteen digits are below 2^53, hence exact. */
const JOB_ID = /^[0-9]{1,15}$/;

const getJobOperation = {
  operationId: 'getJob',
  tags: ['Payments'],
  summary: 'Read a job',
  description:
    'The state of the work on a payment or of a sync, by its `job_id`. A payment keeps its job id when it is retried.',
  security: USER_SECURITY,
  params: Type.Object({
    job_id: Type.String({
      description: 'The `job_id` in the answer to the request that created the payment or started the sync.',
      examples: ['12345'],
    }),
  }),
  response: {
    200: { ...componentRef(JobReplySchema), description: 'The job', headers: ANSWER_HEADERS },
    ...errorResponses([...USER_ERRORS, 'job_not_found']),
  },
};

/** Reads a job of this user: a payment's, or else a sync's. */
async function viewOf(
  deps: { database: Statements },
  key: { userId: number; jobId: number },
): Promise<JobView | null> {
  const job = await findJob(deps, key);
  if (job !== null)
    return {
      job_id: job.jobId,
      kind: 'post_payment',
      status: job.status,
      payment_id: job.paymentId,
      sync: null,
      created_at: job.createdAt.toISOString(),
      settled_at: job.settledAt?.toISOString() ?? null,
    };
  const run = await findSyncRun(deps, key);
  return run === null ? null : syncJobView(run);
}

/** `GET /v1/jobs/{job_id}`. */
export const jobRoutes: FastifyPluginAsyncTypebox<UserRouteDeps & { database: Statements }> = async (
  app,
  deps,
) => {
  app.get(
    '/v1/jobs/:job_id',
    { schema: getJobOperation, onRequest: authenticateHook(deps) },
    async (request, reply) => {
      const { job_id } = request.params;
      if (!JOB_ID.test(job_id)) return sendError(request, reply, 'job_not_found');
      const { userId } = callerOf(request);
      const data = await within(deps.limits.waitMs, viewOf(deps, { userId, jobId: Number(job_id) }));
      if (data === null) return sendError(request, reply, 'job_not_found');
      reply.jobId = data.job_id;
      return reply.send({ success: true, message: 'Job.', data });
    },
  );
};
