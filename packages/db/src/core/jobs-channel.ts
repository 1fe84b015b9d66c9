/** The NOTIFY channel on which the relays listen for new jobs. */
export const JOBS_CHANNEL = 'emr_payments_jobs';
