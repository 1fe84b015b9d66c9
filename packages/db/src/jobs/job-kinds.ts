/** Every kind of job. What depends on the kind is a record over this type, so that a new kind cannot be forgotten. */
export const JOB_KINDS = ['post_payment', 'deliver_webhook', 'sync_connection'] as const;
export type JobKind = (typeof JOB_KINDS)[number];
