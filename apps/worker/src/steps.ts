import {
  beginAttempt,
  claimDelivery,
  claimPosting,
  postponeJob,
  recordDelivery,
  retryPosting,
  settlePayment,
  sweepJobs,
} from '@emr-payments/db';

/**
 * The statements that move a payment or a delivery from one state to the next. The handlers call them through `JobDeps`, so
 * that the crash suite can stop a holder before or after each of them, and can put a wrong one in its place.
 */
export const jobSteps = {
  claimPosting,
  beginAttempt,
  retryPosting,
  settlePayment,
  claimDelivery,
  recordDelivery,
  postponeJob,
  sweepJobs,
};

export type JobSteps = Readonly<typeof jobSteps>;
