import {
  type CreatePaymentBody,
  CreatePaymentBodySchema,
  CreatePaymentQuerySchema,
  type CreatePaymentReply,
  type DryRunReply,
  HEADERS,
  PAYMENT_ACCEPTED_MESSAGE,
} from '@emr-payments/contracts';
import type { Acceptor, AuditCounter, Database } from '@emr-payments/db';
import { type Shares, within } from '@emr-payments/runtime';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { countDone } from '../audit/count-answer.ts';
import { actorOf } from '../auth/authenticate-client-hook.ts';
import { authenticateHook, callerOf, credentialsOf, type UserRouteDeps } from '../auth/authenticate-hook.ts';
import type { AdaptersOf } from '../connection/late-adapters.ts';
import { retryAfter, sendError } from '../errors/send-error.ts';
import { knownCallerOf } from '../http/known-caller.ts';
import { idempotencyOf } from '../idempotency/key.ts';
import type { ApiMetrics } from '../metrics.ts';
import { componentRef } from '../openapi/component-ref.ts';
import type { PatientLookUps } from '../patients/patient-look-ups.ts';
import { acceptNewPatient, type NewPatientOutcome } from './accept-new-patient.ts';
import { createPayment } from './create-payment.ts';
import { createPaymentOperation } from './create-payment-operation.ts';
import { dryRun } from './dry-run.ts';

const JSON_TYPE = 'application/json; charset=utf-8';

export type PaymentRouteDeps = UserRouteDeps & {
  acceptor: Pick<Acceptor, 'accept'>;
  metrics: Pick<ApiMetrics, 'accepted'>;
  database: Pick<Database, 'pool'>;
  adapters: AdaptersOf;
  audit: Pick<AuditCounter, 'action'>;
  emrShares: Shares;
  lookUps: PatientLookUps;
};

/** `POST /v1/payments`. */
export const paymentRoutes: FastifyPluginAsyncTypebox<PaymentRouteDeps> = async (app, deps) => {
  app.route({
    method: 'POST',
    url: '/v1/payments',
    schema: {
      ...createPaymentOperation,
      querystring: CreatePaymentQuerySchema,
      body: componentRef(CreatePaymentBodySchema),
    },
    config: {
      fieldOrder: [...Object.keys(CreatePaymentBodySchema.properties), 'dry_run'],
      fieldRules: { dry_run: 'must be true or false' },
      storesNothing: (request) => (request.query as { dry_run?: unknown }).dry_run === true,
    },
    onRequest: authenticateHook(deps),
    handler: async (request, reply) => {
      const idempotency = idempotencyOf(request);
      if (idempotency.outcome === 'invalid') return sendError(request, reply, 'invalid_field', idempotency);
      const body: CreatePaymentBody = request.body;
      if (request.query.dry_run === true) return answerDryRun(deps, { request, reply, body });
      const input = {
        caller: callerOf(request),
        body,
        idempotency: idempotency.outcome === 'key' ? idempotency : null,
        by: actorOf(request),
      };
      const { waitMs } = deps.limits;
      const accept = async (): Promise<NewPatientOutcome> => {
        const accepted = await within(waitMs, createPayment(deps, input));
        if (accepted.outcome !== 'patient_not_found') return accepted;
        return acceptNewPatient(deps, {
          ...input,
          waitMs,
          authenticate: () => deps.authenticate(credentialsOf(request)),
          isGone: () => request.raw.socket.destroyed,
        });
      };
      const result = await accept().catch((error: unknown) => {
        deps.metrics.accepted('error');
        throw error;
      });
      deps.metrics.accepted(result.outcome === 'accepted' && result.replayed ? 'replayed' : result.outcome);
      return answer(result, { request, reply, body });
    },
  });
};

type Exchange = { request: FastifyRequest; reply: FastifyReply; body: CreatePaymentBody };

function answer(result: NewPatientOutcome, { request, reply, body }: Exchange): FastifyReply {
  switch (result.outcome) {
    case 'patient_not_found':
      return sendError(request, reply, 'patient_not_found', { mrn: body.patient_mrn });
    case 'patient_lookup_unavailable':
      return sendError(request, retryAfter(reply, result.retryAfterMs), result.outcome, result);
    case 'invalid_client':
    case 'user_not_found':
      return sendError(request, reply, result.outcome);
    case 'key_reused':
      return sendError(request, reply, 'idempotency_key_reused');
    case 'key_in_flight':
      return sendError(request, reply, 'idempotency_key_in_flight');
    case 'accepted': {
      reply.paymentId = result.paymentId;
      reply.jobId = result.jobId;
      if (result.replayed) reply.header(HEADERS.idempotentReplayed, 'true');
      const answered: CreatePaymentReply = {
        success: true,
        message: PAYMENT_ACCEPTED_MESSAGE,
        payment_id: result.paymentId,
        job_id: result.jobId,
      };
      // The 200 has two schemas, this one and the dry run's: choosing between them would cost more than serializing.
      return reply.type(JSON_TYPE).serializer(JSON.stringify).send(answered);
    }
  }
}

/** Answers `POST /v1/payments?dry_run=true`. */
async function answerDryRun(
  deps: Pick<PaymentRouteDeps, 'database' | 'adapters' | 'emrShares' | 'limits' | 'audit' | 'lookUps'>,
  { request, reply, body }: Exchange,
): Promise<FastifyReply> {
  const caller = callerOf(request);
  const result = await dryRun(deps, { caller, by: actorOf(request), body, waitMs: deps.limits.emrWaitMs });
  switch (result.outcome) {
    case 'would_post': {
      const known = knownCallerOf(request);
      if (known !== null) countDone(deps.audit, { caller: known, request, action: 'payment.dry_run' });
      const answer: DryRunReply = {
        success: true,
        message: 'The payment would be posted like this. Nothing was written.',
        data: result.data,
      };
      return reply.send(answer);
    }
    case 'patient_not_found':
      return sendError(request, reply, 'patient_not_found', { mrn: body.patient_mrn });
    case 'patient_lookup_unavailable':
      return sendError(request, retryAfter(reply, result.retryAfterMs), result.outcome, result);
    case 'unknown_name':
      return sendError(request, reply, 'invalid_field', result);
    case 'method_needs_data':
      return sendError(request, reply, 'method_needs_data', result);
    default:
      return sendError(request, reply, result.outcome, result);
  }
}
