import type { CreatePaymentBody, DryRunReply } from '@emr-payments/contracts';
import type { Statements } from '@emr-payments/db';
import type { Adapters } from '@emr-payments/emr';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { callerOf } from '../auth/authenticate-hook.ts';
import { sendError } from '../errors/send-error.ts';
import type { Limits } from '../limits.ts';
import { dryRun } from './dry-run.ts';

/** The answer to `POST /v1/payments?dry_run=true`. */
export async function answerDryRun(
  deps: { database: Statements; adapters: Adapters; limits: Limits },
  { request, reply, body }: { request: FastifyRequest; reply: FastifyReply; body: CreatePaymentBody },
): Promise<FastifyReply> {
  const { userId } = callerOf(request);
  const result = await dryRun(deps, { userId, body, waitMs: deps.limits.emrWaitMs });
  switch (result.outcome) {
    case 'would_post': {
      const answer: DryRunReply = {
        success: true,
        message: 'The payment would be posted like this. Nothing was written.',
        data: result.data,
      };
      return reply.send(answer);
    }
    case 'patient_not_found':
      return sendError(request, reply, 'patient_not_found', { mrn: body.patient_mrn });
    case 'unknown_name':
      return sendError(request, reply, 'invalid_field', result);
    default:
      return sendError(request, reply, result.outcome, result);
  }
}
