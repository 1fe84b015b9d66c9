import {
  beginAttempt,
  claimDelivery,
  claimPosting,
  claimSync,
  closeMissing,
  endProbe,
  endSync,
  findKnownEntries,
  noteExchange,
  noteSuccesses,
  postponeJob,
  putOffSync,
  recordDelivery,
  redirectPosting,
  releaseSync,
  restartSync,
  retryPosting,
  settlePayment,
  settleSync,
  sweepJobs,
  writeSyncNames,
  writeSyncPage,
} from '@emr-payments/db';

/**
 * The statements that move a payment, a delivery or a sync from one state to the next. The handlers call them through `JobDeps`, so
 * that the crash suite can stop a holder before or after each of them, and can put a wrong one in its place.
 */
export const jobSteps = {
  claimPosting,
  findKnownEntries,
  redirectPosting,
  beginAttempt,
  retryPosting,
  settlePayment,
  claimDelivery,
  recordDelivery,
  postponeJob,
  sweepJobs,
  claimSync,
  writeSyncNames,
  writeSyncPage,
  settleSync,
  closeMissing,
  endSync,
  putOffSync,
  releaseSync,
  restartSync,
  noteExchange,
  noteSuccesses,
  endProbe,
};

export type JobSteps = Readonly<typeof jobSteps>;
