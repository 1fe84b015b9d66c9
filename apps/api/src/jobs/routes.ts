import { JobReplySchema } from '@emr-payments/contracts';
import { findJob, type Statements } from '@emr-payments/db';
import { within } from '@emr-payments/runtime';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from '@sinclair/typebox';
import { authenticateHook, callerOf, type UserRouteDeps } from '../auth/authenticate-hook.ts';
import { sendError } from '../errors/send-error.ts';
import { componentRef } from '../openapi/component-ref.ts';
import { ANSWER_HEADERS, errorResponses, USER_ERRORS, USER_SECURITY } from '../openapi/error-responses.ts';

/** Numbers of fifteen digits are below 2^53, hence exact. */
const JOB_ID = /^[0-9]{1,15}$/;

const getJobOperation = {
  operationId: 'getJob',
  tags: ['Payments'],
  summary: 'Get Job',
  description:
    'The state of the work on a payment, by its `job_id`. A payment keeps its job id when it is retried.',
  security: USER_SECURITY,
  params: Type.Object({
    job_id: Type.String({
      description: 'The `job_id` in the answer to the request that created the payment.',
      examples: ['12345'],
    }),
  }),
  response: {
    200: { ...componentRef(JobReplySchema), description: 'The job', headers: ANSWER_HEADERS },
    ...errorResponses([...USER_ERRORS, 'job_not_found']),
  },
};

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
      const job = await within(deps.limits.waitMs, findJob(deps, { userId, jobId: Number(job_id) }));
      if (job === null) return sendError(request, reply, 'job_not_found');
      reply.jobId = job.jobId;
      return reply.send({
        success: true,
        message: 'Job.',
        data: {
          job_id: job.jobId,
          status: job.status,
          payment_id: job.paymentId,
          created_at: job.createdAt.toISOString(),
          settled_at: job.settledAt?.toISOString() ?? null,
        },
      });
    },
  );
};
