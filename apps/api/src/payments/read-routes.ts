import type { ListPaymentsQuery } from '@emr-payments/contracts';
import { findPayment, listPayments, type Statements } from '@emr-payments/db';
import { within } from '@emr-payments/runtime';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { authenticateHook, callerOf, type UserRouteDeps } from '../auth/authenticate-hook.ts';
import type { CostlyReads } from '../bulkheads/costly-reads.ts';
import { sendError } from '../errors/send-error.ts';
import { pageFrom, pageOf } from '../http/page.ts';
import { paymentView } from './payment-view.ts';
import { getPaymentOperation, listPaymentsOperation } from './read-operations.ts';
import { filterFrom, isPaymentId, LIST_RULES, PAYMENT_ID } from './read-payments.ts';

/** `GET /v1/payments/{id}` and `GET /v1/payments`. */
export const paymentReadRoutes: FastifyPluginAsyncTypebox<
  UserRouteDeps & { database: Statements; costly: CostlyReads }
> = async (app, deps) => {
  const onRequest = authenticateHook(deps);
  const { waitMs } = deps.limits;

  app.get('/v1/payments/:id', { schema: getPaymentOperation, onRequest }, async (request, reply) => {
    const { id: paymentId } = request.params;
    if (!isPaymentId(paymentId)) return sendError(request, reply, 'payment_not_found');
    const { userId } = callerOf(request);
    const payment = await within(waitMs, findPayment(deps, { userId, paymentId }));
    if (payment === null) return sendError(request, reply, 'payment_not_found');
    reply.paymentId = paymentId;
    return reply.send({ success: true, message: 'Payment.', data: paymentView(payment) });
  });

  app.get(
    '/v1/payments',
    {
      schema: listPaymentsOperation,
      config: { fieldOrder: Object.keys(LIST_RULES), fieldRules: LIST_RULES },
      onRequest,
    },
    async (request, reply) => {
      const query: ListPaymentsQuery = request.query;
      const read = pageFrom(request, { ids: PAYMENT_ID });
      if (read.outcome === 'invalid') return sendError(request, reply, 'invalid_field', read);
      const { page: asked } = read;
      const filter = filterFrom(query, { ...callerOf(request), page: asked });
      const found = await within(
        waitMs,
        deps.costly.run(callerOf(request), (costly) => listPayments(costly, filter)),
      );
      const { rows, ...page } = pageOf(found, {
        ...asked,
        placeOf: ({ createdAt, paymentId }) => ({ createdAt, id: paymentId }),
      });
      return reply.send({ success: true, message: 'Payments.', data: rows.map(paymentView), ...page });
    },
  );
};
