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
    /** Accepts a payment for posting. The result comes later: by webhook, or from `get`. */
    async create(payment: CreatePayment, options: WriteOptions = {}): Promise<PaymentQueued> {
      const params = { header: keyed(options) };
      const { data, response } = await api.POST('/v1/payments', {
        params,
        body: payment,
        ...stoppable(options),
      });
      // Only the answer to a dry run has no ids.
      if (data?.payment_id === undefined || data.job_id === undefined) throw notOurs(response);
      const { success, message, payment_id, job_id } = data;
      return { success, message, payment_id, job_id };
    },

    /** Checks a payment, including its names at the EMR, and returns what would be posted. Writes nothing. */
    async dryRun(payment: CreatePayment, options: CallOptions = {}): Promise<DryRun> {
      // The API does not store this key; it lets sendWithRetries retry the request.
      const params = { header: keyed({}), query: { dry_run: true } };
      const { data, response } = await api.POST('/v1/payments', {
        params,
        body: payment,
        ...stoppable(options),
      });
      if (data?.data === undefined) throw notOurs(response);
      return data.data;
    },

    async get(paymentId: string, options: CallOptions = {}): Promise<Payment> {
      const params = { path: { id: paymentId } };
      return (await bodyOf(api.GET('/v1/payments/{id}', { params, ...stoppable(options) }))).data;
    },

    /** Lists payments. `list({ status: ['failed', 'needs_review'] })` is the worklist. */
    list(query: ListPayments = {}, options: CallOptions = {}): Listing<Payment> {
      return listing((cursor) => {
        const params = { query: { ...query, ...(cursor === undefined ? {} : { cursor }) } };
        return bodyOf(api.GET('/v1/payments', { params, ...stoppable(options) }));
      }, query.cursor);
    },

    /** Retries a failed payment, with a corrected payment method or location if you give one. */
    async retry(
      paymentId: string,
      correction: RetryPayment = {},
      options: WriteOptions = {},
    ): Promise<PaymentQueued> {
      const params = { path: { id: paymentId }, header: keyed(options) };
      return bodyOf(api.POST('/v1/payments/{id}/retry', { params, body: correction, ...stoppable(options) }));
    },

    /** Settles a payment in `needs_review` by what a person found in the EMR. */
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
