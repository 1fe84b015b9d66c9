export type { AcceptOutcome } from './accept/accept-batch.ts';
export type { AcceptInput } from './accept/accept-payments.ts';
export { type Acceptor, createAcceptor } from './accept/acceptor.ts';
export {
  type CredentialFailure,
  type CredentialFailures,
  countCredentialFailures,
  networkOf,
} from './audit/credential-failures.ts';
export { type Actor, type AuditDetail, type AuditInput, type AuditSubject, SYSTEM } from './audit/entry.ts';
export { type AuditFilter, type ListedAudit, listAudit } from './audit/list-audit.ts';
export { recordAudit } from './audit/record-audit.ts';
export { type Database, openDatabase } from './core/database.ts';
export { type Listener, listenForJobs } from './core/listen.ts';
export { DatabaseUnavailableError, type StatementDeps, type Statements } from './core/statements.ts';
export { type ClaimedDelivery, claimDelivery } from './delivery/claim-delivery.ts';
export * from './delivery/list-deliveries.ts';
export * from './delivery/read-events.ts';
export { type DeliveryRecord, type Disabling, recordDelivery } from './delivery/record-delivery.ts';
export * from './delivery/recover-endpoint.ts';
export * from './delivery/redeliver-event.ts';
export { changeEndpoint, deleteEndpoint, type EndpointChanges } from './endpoints/change-endpoint.ts';
export * from './endpoints/create-endpoint.ts';
export * from './endpoints/endpoint-record.ts';
export * from './endpoints/register-endpoint.ts';
export * from './endpoints/rotate-signing-secret.ts';
export { type KeyedRequest, type OnceOutcome, once } from './idempotency/once.ts';
export { type DueJob, feedJobs } from './jobs/feed-jobs.ts';
export { measureWork, type WorkMeasures } from './jobs/measure-work.ts';
export { type Claim, renewLeases } from './jobs/renew-leases.ts';
export { sweepJobs } from './jobs/sweep-jobs.ts';
export { migrate } from './migrations/migrate.ts';
export { type PendingMigrations, pendingMigrations } from './migrations/pending-migrations.ts';
export * from './payments/find-payment.ts';
export * from './payments/list-payments.ts';
export type { PaymentRecord } from './payments/payment-record.ts';
export * from './payments/reconcile.ts';
export type { PaymentKey, WorklistRefusal } from './payments/refusal.ts';
export * from './payments/resolve-payment.ts';
export * from './payments/retry-payment.ts';
export * from './payments/show-payment.ts';
export { beginAttempt } from './posting/begin-attempt.ts';
export { type ClaimedPosting, claimPosting } from './posting/claim-posting.ts';
export { type FarEnd, retryPosting } from './posting/retry-posting.ts';
export { type AttemptEnd, type Settlement, settlePayment } from './posting/settle-payment.ts';
export * from './tenants/create-client.ts';
export * from './tenants/create-user.ts';
export * from './tenants/disable.ts';
export * from './tenants/find-connection.ts';
export * from './tenants/find-credentials.ts';
export * from './tenants/import-patients.ts';
export * from './tenants/list.ts';
export * from './tenants/rotate-credentials.ts';
export * from './tenants/save-connection.ts';
export * from './upkeep/prune.ts';
export * from './upkeep/reseal.ts';
export * from './upkeep/server-facts.ts';
export { forgetDemand, shareDemand } from './upkeep/share-demand.ts';
