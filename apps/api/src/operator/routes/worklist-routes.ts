import {
  paymentIdToUuid,
  ResolvedPaymentReplySchema,
  ResolvePaymentBodySchema,
  RetryPaymentBodySchema,
} from '@emr-payments/contracts';
import {
  type OperatorPayment,
  OperatorPaymentReplySchema,
  RetriedPaymentReplySchema,
  WorklistQuerySchema,
  WorklistSchema,
} from '@emr-payments/contracts/operator';
import type { OwnedPayment } from '@emr-payments/db';
import { readOwnedPayment, readWorklist, resolvePayment, retryPayment } from '@emr-payments/operations';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { sendError } from '../../errors/send-error.ts';
import { emptyBodyAsObject } from '../../http/json-body.ts';
import { operatorOf } from '../../http/operator-caller.ts';
import { pageFrom, pageOf } from '../../http/page.ts';
import { componentRef } from '../../openapi/component-ref.ts';
import { paymentView } from '../../payments/payment-view.ts';
import { isPaymentId, PAYMENT_ID } from '../../payments/read-payments.ts';
import { resolutionFrom, resolveRefusal, retryRefusal } from '../../payments/worklist-routes.ts';
import { answered, missingOwner, reading, writing } from '../answers.ts';
import { actorOf, type OperatorDeps } from '../deps.ts';
import { OPERATOR_FIELD_RULES as fieldRules } from '../field-rules.ts';
import { operatorOperation, PaymentParams } from '../operation.ts';

const view = ({ userPublicId, clientId, ...payment }: OwnedPayment): OperatorPayment => ({
  ...paymentView(payment),
  user_id: userPublicId,
  client_id: clientId,
});

/** `/operator/v1/worklist` and `/operator/v1/payments`: payments of all users that wait for a person, and what a person decides. */
export const worklistRoutes: FastifyPluginAsyncTypebox<OperatorDeps> = async (app, deps) => {
  app.route({
    method: 'GET',
    url: '/operator/v1/worklist',
    schema: {
      ...operatorOperation({
        operationId: 'listWorklist',
        tag: 'Worklist',
        summary: 'List the payments that wait for a person',
        description:
          'Newest first, of all users or of some. It holds data of patients: each reading is in the audit log.',
        scope: 'worklist:read',
        reply: WorklistSchema,
        errors: ['record_not_found', 'read_too_costly'],
      }),
      querystring: WorklistQuerySchema,
    },
    config: { fieldRules },
    handler: async (request, reply) => {
      const { status = ['needs_review'], client_id: clientId, user_id: publicId } = request.query;
      const read = pageFrom(request, { ids: PAYMENT_ID });
      if (read.outcome === 'invalid') return sendError(request, reply, 'invalid_field', read);
      const { page } = read;
      const { after, limit } = page;
      const filter = {
        statuses: status,
        clientId,
        publicId,
        after: after === null ? null : { ...after, id: paymentIdToUuid(after.id) },
        limit: limit + 1,
        by: actorOf(request),
      };
      const rows = await deps.costly.run({ clientPk: operatorOf(request).keyPk }, (costly) =>
        readWorklist(costly, filter),
      );
      const missing = rows.length === 0 ? await missingOwner(deps, request, { clientId, publicId }) : null;
      if (missing !== null) return sendError(request, reply, 'record_not_found', { record: missing });
      const placeOf = ({ createdAt, paymentId }: OwnedPayment) => ({ createdAt, id: paymentId });
      const { rows: shown, ...more } = pageOf(rows, { ...page, placeOf });
      return reply.send({
        success: true,
        message: 'Payments that wait for a person.',
        data: shown.map(view),
        ...more,
      });
    },
  });

  app.route({
    method: 'GET',
    url: '/operator/v1/payments/:payment_id',
    schema: {
      ...operatorOperation({
        operationId: 'getPayment',
        tag: 'Worklist',
        summary: 'Show a payment',
        description:
          "Of any user, with its attempts and events. It holds data of a patient: each reading is in the audit log. The EMR's own words about it are not part of it: emr-payments payment show --emr-detail shows them.",
        scope: 'worklist:read',
        reply: OperatorPaymentReplySchema,
        errors: ['payment_not_found'],
      }),
      params: PaymentParams,
    },
    handler: async (request, reply) => {
      const { payment_id: paymentId } = request.params;
      if (!isPaymentId(paymentId)) return sendError(request, reply, 'payment_not_found');
      const found = await reading(deps, request, () =>
        readOwnedPayment(deps, { paymentId, by: actorOf(request) }),
      );
      if (found === null) return sendError(request, reply, 'payment_not_found');
      reply.paymentId = paymentId;
      return reply.send({ success: true, message: 'Payment.', data: view(found) });
    },
  });

  app.route({
    method: 'POST',
    url: '/operator/v1/payments/:payment_id/retry',
    schema: {
      ...operatorOperation({
        operationId: 'retryPayment',
        tag: 'Worklist',
        summary: 'Post a failed payment again',
        description:
          'Under the same id, for the EMR patient id that its MRN has now, and if necessary with another payment method or location. Allowed only in the state `failed`. The body may be left out.',
        scope: 'worklist:write',
        reply: RetriedPaymentReplySchema,
        keyed: true,
        body: 'optional',
        errors: [
          'payment_not_found',
          'invalid_state',
          'retry_limit_reached',
          'patient_not_found',
          'patient_changed',
        ],
      }),
      params: PaymentParams,
      body: componentRef(RetryPaymentBodySchema),
    },
    config: { fieldOrder: Object.keys(RetryPaymentBodySchema.properties), fieldRules },
    preValidation: emptyBodyAsObject,
    handler: async (request, reply) => {
      const { payment_id: paymentId } = request.params;
      if (!isPaymentId(paymentId)) return sendError(request, reply, 'payment_not_found');
      const { payment_method: paymentMethod, location } = request.body;
      const input = { paymentId, userId: null, paymentMethod, location, by: actorOf(request) };
      reply.paymentId = paymentId;
      return writing(deps, { request, reply }, async (tx) => {
        const result = await retryPayment(tx, input);
        if (result.outcome !== 'retrying') return retryRefusal(result);
        return answered('Payment queued again.', { payment_id: paymentId, job_id: result.jobId });
      });
    },
  });

  app.route({
    method: 'POST',
    url: '/operator/v1/payments/:payment_id/resolve',
    schema: {
      ...operatorOperation({
        operationId: 'resolvePayment',
        tag: 'Worklist',
        summary: 'Settle a payment that needs a review',
        description:
          'On the statement of a person who has looked in the EMR. The integrator gets the event of the new state, and the note is kept in the audit log.',
        scope: 'worklist:write',
        reply: ResolvedPaymentReplySchema,
        keyed: true,
        body: true,
        errors: ['payment_not_found', 'invalid_state'],
      }),
      params: PaymentParams,
      body: componentRef(ResolvePaymentBodySchema),
    },
    config: { fieldOrder: Object.keys(ResolvePaymentBodySchema.properties), fieldRules },
    handler: async (request, reply) => {
      const { payment_id: paymentId } = request.params;
      if (!isPaymentId(paymentId)) return sendError(request, reply, 'payment_not_found');
      const read = resolutionFrom(request.body);
      if (read.outcome === 'invalid') return sendError(request, reply, 'invalid_field', read);
      const { resolution } = read;
      const { note, event_id: eventId } = request.body;
      const input = { paymentId, userId: null, eventId, resolution, note, by: actorOf(request) };
      reply.paymentId = paymentId;
      return writing(deps, { request, reply }, async (tx) => {
        const result = await resolvePayment(tx, input);
        if (result.outcome !== 'resolved') return resolveRefusal(result);
        const { status, eventId } = result;
        const data = { payment_id: paymentId, status, event_id: eventId };
        return answered('Payment settled. A webhook event will be sent.', data);
      });
    },
  });
};
