import { type Api, bodyOf, type CallOptions, keyed, notOurs, stoppable, type WriteOptions } from './api.ts';
import { type Listing, listing } from './listing.ts';
import type {
  CreatePayment,
  DryRun,
  ListPayments,
  Payment,
  PaymentQueued,
  PaymentResolved,
  ResolvePayment,
  RetryPayment,
} from './schemas.ts';

/** `/v1/payments`. */
export function paymentMethods(api: Api) {
  return {
    /** Hands a payment over. It is posted later: a webhook tells, or `get`. */
    async create(payment: CreatePayment, options: WriteOptions = {}): Promise<PaymentQueued> {
      const params = { header: keyed(options) };
      const { data, response } = await api.POST('/v1/payments', {
        params,
        body: payment,
        ...stoppable(options),
      });
      if (data === undefined || !('payment_id' in data)) throw notOurs(response);
      return data;
    },

    /** Checks a payment, its names at the EMR as well, and says what would be posted. Nothing is written. */
    async dryRun(payment: CreatePayment, options: CallOptions = {}): Promise<DryRun> {
      // The key is not used up; it says that the request may be sent again.
      const params = { header: keyed({}), query: { dry_run: true } };
      const { data, response } = await api.POST('/v1/payments', {
        params,
        body: payment,
        ...stoppable(options),
      });
      if (data === undefined || !('data' in data)) throw notOurs(response);
      return data.data;
    },

    async get(paymentId: string, options: CallOptions = {}): Promise<Payment> {
      const params = { path: { id: paymentId } };
      return (await bodyOf(api.GET('/v1/payments/{id}', { params, ...stoppable(options) }))).data;
    },

    /** The worklist is `list({ status: ['failed', 'needs_review'] })`. */
    list(query: ListPayments = {}, options: CallOptions = {}): Listing<Payment> {
      return listing((cursor) => {
        const params = { query: { ...query, ...(cursor === undefined ? {} : { cursor }) } };
        return bodyOf(api.GET('/v1/payments', { params, ...stoppable(options) }));
      }, query.cursor);
    },

    /** Has a failed payment tried again, with a corrected payment method or location if need be. */
    async retry(
      paymentId: string,
      correction: RetryPayment = {},
      options: WriteOptions = {},
    ): Promise<PaymentQueued> {
      const params = { path: { id: paymentId }, header: keyed(options) };
      return bodyOf(api.POST('/v1/payments/{id}/retry', { params, body: correction, ...stoppable(options) }));
    },

    /** Says what a person found in the EMR about a payment in `needs_review`. */
    async resolve(
      paymentId: string,
      found: ResolvePayment,
      options: WriteOptions = {},
    ): Promise<PaymentResolved> {
      const params = { path: { id: paymentId }, header: keyed(options) };
      const call = api.POST('/v1/payments/{id}/resolve', { params, body: found, ...stoppable(options) });
      return (await bodyOf(call)).data;
    },
  };
}
