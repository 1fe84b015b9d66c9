import { CREATE_PAYMENT_EXAMPLE, type PaymentStatus, paymentIdToUuid } from '@emr-payments/contracts';
import { type Credentials, credentialHeaders, type TestApi } from './test-api.ts';

/** Requests of one caller, as an integrator makes them. */
export function userRequests({ app }: Pick<TestApi, 'app'>, caller: Credentials) {
  const headers = credentialHeaders(caller);
  return {
    get: (url: string, more: Record<string, string> = {}) =>
      app.inject({ method: 'GET', url, headers: { ...headers, ...more } }),
    post: (url: string, body: object | undefined, more: Record<string, string> = {}) =>
      app.inject({
        method: 'POST',
        url,
        headers: {
          ...headers,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...more,
        },
        ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
      }),
    /** Creates a payment like the published one and returns its ids. */
    async pay(overrides: object = {}): Promise<{ payment_id: string; job_id: number }> {
      const answer = await app.inject({
        method: 'POST',
        url: '/v1/payments',
        headers: { ...headers, 'content-type': 'application/json' },
        payload: JSON.stringify({ ...CREATE_PAYMENT_EXAMPLE, ...overrides }),
      });
      if (answer.statusCode !== 200) throw new Error(answer.body);
      return answer.json();
    },
  };
}

const CODES: Partial<Record<PaymentStatus, string>> = {
  failed: 'closed_period',
  needs_review: 'outcome_unknown',
};

/** Puts a payment into a state as the worker would. A settled payment has no job. */
export async function putInto(
  { database: { prisma } }: Pick<TestApi, 'database'>,
  { paymentId, status }: { paymentId: string; status: PaymentStatus },
): Promise<void> {
  const id = paymentIdToUuid(paymentId);
  const open = ['accepted', 'posting', 'retrying', 'submitted'].includes(status);
  const code = CODES[status] ?? null;
  await prisma.payment.update({
    where: { id },
    data: {
      status,
      settledAt: open ? null : new Date(),
      emrTransactionId: status === 'posted' ? '13969262' : null,
      failureCode: code,
      failureReason: code === null ? null : 'It is so.',
      ...(open ? {} : { round: { increment: 1 } }),
    },
  });
  if (!open) await prisma.job.deleteMany({ where: { paymentId: id } });
}
