export const POSTINGS = 'usual-postings';
export const WEBHOOKS = 'usual-webhooks';
export type PostJob = { paymentId: string };
export type WebhookJob = { deliveryId: string; url: string };

/** Each job is tried again, as is usual. */
export const JOB = {
  attempts: 5,
  backoff: { type: 'exponential', delay: 500 },
  removeOnComplete: true,
  removeOnFail: true,
};

/** Transactions wait for a connection longer than Prisma lets them by default: under load that would be an error each. */
export const PATIENT = { maxWait: 15_000, timeout: 15_000 };
