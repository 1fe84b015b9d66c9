export const POSTINGS = 'usual-postings';
export const WEBHOOKS = 'usual-webhooks';
export type PostJob = { paymentId: string };
export type WebhookJob = { eventId: string; deliveryId: string; url: string };

/** Failed jobs are retried by BullMQ, as is usual. */
export const JOB = {
  attempts: 5,
  backoff: { type: 'exponential', delay: 500 },
  removeOnComplete: true,
  removeOnFail: true,
};

/** Transactions may wait longer for a connection than Prisma's default, which would make them fail under load. */
export const TRANSACTION = { maxWait: 15_000, timeout: 15_000 };
