import {
  type CreatePaymentBody,
  CreatePaymentBodySchema,
  type CreatePaymentReply,
  HEADERS,
  PAYMENT_ACCEPTED_MESSAGE,
} from '@emr-payments/contracts';
import type { AcceptOutcome, Acceptor } from '@emr-payments/db';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { authenticateHook, callerOf } from '../auth/authenticate-hook.ts';
import type { Authenticate } from '../auth/credentials.ts';
import { sendError } from '../errors/send-error.ts';
import { within } from '../http/within.ts';
import type { Limits } from '../limits.ts';
import { componentRef } from '../openapi/component-ref.ts';
import { createPayment } from './create-payment.ts';
import { createPaymentOperation } from './create-payment-operation.ts';
import { idempotencyOf } from './idempotency.ts';

export type PaymentRouteDeps = {
  acceptor: Pick<Acceptor, 'accept'>;
  authenticate: Authenticate;
  limits: Limits;
};

/** The routes below `/v1/payments`. */
export const paymentRoutes: FastifyPluginAsyncTypebox<PaymentRouteDeps> = async (app, deps) => {
  app.route({
    method: 'POST',
    url: '/v1/payments',
    schema: { ...createPaymentOperation, body: componentRef(CreatePaymentBodySchema) },
    config: { fieldOrder: Object.keys(CreatePaymentBodySchema.properties) },
    onRequest: authenticateHook(deps),
    handler: async (request, reply) => {
      const idempotency = idempotencyOf(request);
      if (idempotency.outcome === 'invalid') return sendError(request, reply, 'invalid_field', idempotency);
      const body: CreatePaymentBody = request.body;
      const accepting = createPayment(deps, {
        caller: callerOf(request),
        body,
        idempotency: idempotency.outcome === 'key' ? idempotency : null,
      });
      const result = await within(deps.limits.waitMs, accepting);
      return answer(result, request, reply, body);
    },
  });
};

function answer(
  result: AcceptOutcome,
  request: FastifyRequest,
  reply: FastifyReply,
  body: CreatePaymentBody,
) {
  switch (result.outcome) {
    case 'patient_not_found':
      return sendError(request, reply, 'patient_not_found', { mrn: body.patient_mrn });
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
      return reply.send(answered);
    }
  }
}
