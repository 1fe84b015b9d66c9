// The database, and how statements run on it.

// A payment's way: accept, feed, post, publish, deliver.
export type { AcceptOutcome } from './accept/accept-batch.ts';
export type { AcceptInput } from './accept/accept-payments.ts';
export { type Acceptor, createAcceptor } from './accept/acceptor.ts';
// The archive of old payments.
export { archiveRange, findObstacles, type Obstacles } from './archive/archive-range.ts';
export {
  type ArchivedTable,
  copyOut,
  dropArchivedTable,
  listArchivedTables,
} from './archive/archived-tables.ts';
export { listRanges, measurePartition, type PartitionRange } from './archive/list-ranges.ts';
export { beginArchiving, type OwnerSession, withOwnerSession } from './archive/owner-session.ts';
// The audit log.
export { type AuditCounter, type AuditCounterOptions, createAuditCounter } from './audit/audit-counter.ts';
export { type Actor, type AuditInput, type AuditSubject, SYSTEM } from './audit/entry.ts';
export type { SoughtId } from './audit/find-owners.ts';
export type { KnownCaller } from './audit/foreign-ids.ts';
export { type AuditFilter, type ListedAudit, listAudit } from './audit/list-audit.ts';
export { networkOf } from './audit/network-of.ts';
export { recordAudit } from './audit/record-audit.ts';
export type { CountedAction } from './audit/tally.ts';
// Vendors' limits of requests.
export type { Bucket } from './buckets/bucket.ts';
export { openCallCounter } from './buckets/call-counter.ts';
export { findWindows } from './buckets/find-windows.ts';
export { linkBucket } from './buckets/link-bucket.ts';
export { hasRoomForLookUps } from './buckets/pace.ts';
// The connect page, by which practices connect themselves.
export {
  type BrowserSession,
  connectSessionRow,
  countConnectTry,
  findBrowserSession,
} from './connect/browser-session.ts';
export { CONNECT_SESSION_MS, createConnectSession } from './connect/create-session.ts';
export { cancelConnectSession, endConnectSession } from './connect/end-session.ts';
export { findLastPaid } from './connect/find-last-paid.ts';
export { type ConnectSessionRecord, findConnectSession } from './connect/find-session.ts';
export { beginConnectLogin, holdConnectLogin, takeConnectLogin } from './connect/hold-login.ts';
export { isConnectionAsSeen } from './connect/is-as-seen.ts';
export {
  isSecretAsSeen,
  listOauthApplications,
  type OauthApplicationRecord,
  openOauthSecret,
  removeOauthApplication,
  setOauthApplication,
  setOauthApplicationIn,
} from './connect/oauth-applications.ts';
export { openConnectSession } from './connect/open-session.ts';
export { addReturnUrl, listReturnUrls, removeReturnUrl } from './connect/return-urls.ts';
export { takeConnectToken } from './connect/take-token.ts';
export { type Database, openDatabase, openServiceDatabase, type ServiceDatabase } from './core/database.ts';
export { keepConnected } from './core/keep-connected.ts';
export { listenForJobs } from './core/listen.ts';
export { refuseSharedSessions } from './core/own-sessions.ts';
export {
  DatabaseUnavailableError,
  isMisfit,
  isStatementTimeout,
  isUnavailable,
  type StatementDeps,
  type Statements,
} from './core/statements.ts';
export { inTransaction, type Transaction } from './core/transaction.ts';
export { claimDelivery } from './delivery/claim-delivery.ts';
export type { ClaimedDelivery } from './delivery/claimed-delivery.ts';
export { type ListedDelivery, listDeliveries } from './delivery/list-deliveries.ts';
export { findEvent, pageOfEvents } from './delivery/read-events.ts';
export { type DeliveryRecord, type Disabling, recordDelivery } from './delivery/record-delivery.ts';
export { type RedeliverOutcome, redeliverEvent } from './delivery/redeliver-event.ts';
export { createRedeliverer, type Redeliverer } from './delivery/redeliverer.ts';
// Webhook endpoints.
export { changeEndpoint, deleteEndpoint, moveEndpoint } from './endpoints/change-endpoint.ts';
export type { EndpointChanges } from './endpoints/endpoint-changes.ts';
export {
  type EndpointRecord,
  findEndpoint,
  findEndpointToChange,
  pageOfEndpoints,
} from './endpoints/endpoint-record.ts';
export {
  type RegisterEndpointInput,
  registerEndpoint,
  registerEndpointIn,
} from './endpoints/register-endpoint.ts';
export { rotateSigningSecret, validSecrets } from './endpoints/rotate-signing-secret.ts';
// Events about no payment.
export { publishEvent } from './events/publish-event.ts';
// How connections are.
export { isBrokenLogin } from './health/broken-login-codes.ts';
export { type BrokenConnection, listBrokenConnections } from './health/list-troubled.ts';
export type { Exchange, Health } from './health/next-state.ts';
export { type Noted, type NoteInput, noteExchange, noteSuccesses } from './health/note-exchange.ts';
export { isLoginStopped, readHealth, type StoredHealth } from './health/read-health.ts';
export { endProbe, takeProbe } from './health/take-probe.ts';
// Posting on hold, and the restore of a backup.
export { listHoldScopes, listHolds, type OpenHold } from './holds/list-holds.ts';
export { endHold, endHoldIn, type HoldEnd, type HoldScope, startHold } from './holds/switch-hold.ts';
export { type InHand, waitForClaims } from './holds/wait-for-claims.ts';
export { findRemembered, type OnceInput, type OnceOutcome, once } from './idempotency/once.ts';
export { createFeed, type DueJob, type Feed, feedJobs } from './jobs/feed-jobs.ts';
export { JOB_KINDS, type JobKind } from './jobs/job-kinds.ts';
export { USUAL_CAP } from './jobs/lane-cap.ts';
export { postponeJob } from './jobs/postpone-job.ts';
export { type LaneCap, type LaneNow, readLaneCaps } from './jobs/read-lane-caps.ts';
export { type Claim, renewLeases } from './jobs/renew-leases.ts';
export { type QueueWaits, sweepJobs } from './jobs/sweep-jobs.ts';
export { type LaneCapChange, writeLaneCaps } from './jobs/write-lane-caps.ts';
export type { LineageDecision } from './lineage/decide-lineage.ts';
export { findLossInDoubt } from './lineage/lineage-statements.ts';
// Questions to EMRs about patients who are not known.
export { answerLookUp, type LookUpAnswer, type LookUpPlace, leaveLookUp } from './lookups/answer-look-up.ts';
export { joinLookUp, type PatientQuestion } from './lookups/join-look-up.ts';
export { type LookUpProgress, readLookUps } from './lookups/read-look-ups.ts';
export { recallNo } from './lookups/recall-no.ts';
export { REPEATING } from './measures/count-repeating.ts';
export { findLateWork, type LateWork } from './measures/find-late-work.ts';
export { measureWork, type WorkMeasures } from './measures/measure-work.ts';
export type { AppRole } from './migrations/app-role.ts';
export { migrate } from './migrations/migrate.ts';
export { pendingMigrations } from './migrations/pending-migrations.ts';
// The names of an EMR.
export { readLocations, readMethods, type StoredList } from './names/read-names.ts';
export { type NameLists, type StoredLocation, type StoredMethod, storeNames } from './names/store-names.ts';
// Notices of EMRs.
export { findNoticeOwner, type NoticeOwner } from './notices/find-notice-owner.ts';
export { findUserForNotices, giveNoticeAddress, giveNoticeAddressIn } from './notices/give-notice-address.ts';
export { hastenLookUps } from './notices/hasten-look-ups.ts';
// Keys of the operator's API.
export { createOperatorKey } from './operators/create-operator-key.ts';
export {
  type FoundOperatorKey,
  findOperatorKey,
  noteUseOfOperatorKey,
} from './operators/find-operator-key.ts';
export { listOperatorKeys } from './operators/list-operator-keys.ts';
export { revokeOperatorKey } from './operators/revoke-operator-key.ts';
export { rotateOperatorKey } from './operators/rotate-operator-key.ts';
// Partitions.
export { archivedBefore } from './partitions/archived-before.ts';
export { dropEventPartitions } from './partitions/drop-event-partitions.ts';
export { makePartitions } from './partitions/make-partitions.ts';
export { lockRoom, partitionCover } from './partitions/partition-cover.ts';
// Reading payments, and a person's decisions about them.
export { comparePayments, type PaymentDifference } from './payments/compare-payments.ts';
export { findJob, findPayment } from './payments/find-payment.ts';
export { COMPARED_DAYS, findSharedIds } from './payments/find-shared-ids.ts';
export { listPayments, type PaymentFilter } from './payments/list-payments.ts';
export { findOwnFaults, OUR_FAULT } from './payments/own-faults.ts';
export {
  findOwnedPayment,
  type OwnedPayment,
  pageOfWorklist,
  type WorklistFilter,
} from './payments/page-of-worklist.ts';
export type { PaymentRecord } from './payments/payment-record.ts';
export { type Reconciliation, type ReconciliationTallies, reconcile } from './payments/reconcile.ts';
export type { WorklistRefusal } from './payments/refusal.ts';
export { type Resolution, type ResolveOutcome, resolvePayment } from './payments/resolve-payment.ts';
export { MOST_ROUNDS, type RetryOutcome, retryPayment } from './payments/retry-payment.ts';
export { type ShownPayment, showPayment } from './payments/show-payment.ts';
export { beginAttempt } from './posting/begin-attempt.ts';
export { type ClaimedPosting, claimPosting, type RejectionEvidence } from './posting/claim-posting.ts';
export { emrTextRow } from './posting/emr-text-row.ts';
export { findKnownEntries, type KnownEntry } from './posting/find-known-entries.ts';
export { redirectPosting } from './posting/redirect-posting.ts';
export { type FarEnd, type Postponement, retryPosting } from './posting/retry-posting.ts';
export {
  type AttemptEnd,
  type Claimant,
  type HandOver,
  type Settlement,
  settlePayment,
} from './posting/settle-payment.ts';
// Recoveries of what an endpoint missed.
export { countMissed } from './recovery/count-missed.ts';
export { findRecovery, type RecoveryRecord } from './recovery/find-recovery.ts';
export { startRecovery } from './recovery/start-recovery.ts';
export { takeRecoveryTurn } from './recovery/take-turn.ts';
export { type BeginRestoreOutcome, beginRestore, type RestoreRecord } from './restore/begin-restore.ts';
export { createLineageGuard, type LineageGuard, LOSS_SENTENCES } from './restore/lineage-guard.ts';
export { newestPayment } from './restore/newest-payment.ts';
export { type Doubted, putInDoubt } from './restore/put-in-doubt.ts';
// Syncs of connections.
export { type ClaimedSync, claimSync } from './sync/claim-sync.ts';
export { endSync, type SyncEnd } from './sync/end-sync.ts';
export { findLatestSync, findSyncRun, type SyncRunRecord } from './sync/find-sync-run.ts';
export { putOffSync, releaseSync } from './sync/put-off-sync.ts';
export { restartSync } from './sync/restart-sync.ts';
export { closeMissing, settleSync } from './sync/settle-run.ts';
export { startDueSyncs } from './sync/start-due-syncs.ts';
export { type StartedSync, startSync } from './sync/start-sync.ts';
export type { StepEnd } from './sync/step-of-run.ts';
export { type SeenPatient, type SyncPage, writeSyncPage } from './sync/write-page.ts';
export { writeSyncNames } from './sync/write-sync-names.ts';
// Clients, their users, and the users' connections and patients.
export {
  createClient,
  createClientIn,
  findClientPk,
  findClientToConnect,
  type NewClient,
} from './tenants/create-client.ts';
export { createUser, type NewUser } from './tenants/create-user.ts';
export {
  disableClient,
  disableEndpoint,
  disableUser,
  enableClient,
  enableEndpoint,
  enableEndpointIn,
  enableUser,
  type Switched,
} from './tenants/disable.ts';
export {
  type ConnectionRecord,
  findConnection,
  listConnections,
  previewPayment,
} from './tenants/find-connection.ts';
export { findClient, findUserByToken } from './tenants/find-credentials.ts';
export { findPatient, type PatientRecord } from './tenants/find-patient.ts';
export { findUserPk } from './tenants/find-user-pk.ts';
export type { ForgottenPatients } from './tenants/forget-patients.ts';
export { importPatients, type PatientEntry } from './tenants/import-patients.ts';
export { findUser, listClients, listConnectionSettings, listEndpoints, listUsers } from './tenants/list.ts';
export {
  openPatientImport,
  type PatientImportResult,
  type SharedIds,
  type StagedPatient,
} from './tenants/open-patient-import.ts';
export { findListedClient, type ListedClient, pageOfClients } from './tenants/page-of-clients.ts';
export { findListedUser, type ListedUser, pageOfUsers } from './tenants/page-of-users.ts';
export { putPatient } from './tenants/put-patient.ts';
export {
  rotateAccessToken,
  rotateAccessTokenIn,
  rotateClientSecret,
  rotateClientSecretIn,
} from './tenants/rotate-credentials.ts';
export { saveCapability } from './tenants/save-capability.ts';
export {
  type ConnectionSetup,
  connectUser,
  connectUserIn,
  knowsTimeZone,
  openCredentials,
  type StoredCapability,
  saveBucketOf,
  saveConnection,
  saveConnectionIn,
} from './tenants/save-connection.ts';
export type { PatientChange } from './tenants/settle-patients.ts';
export { type StoredPatient, storeFoundPatient } from './tenants/store-found-patient.ts';
// Access tokens of EMRs.
export {
  forgetEndedLogins,
  readTokenStates,
} from './tokens/ended-logins.ts';
export { giveUpToken, leaseToken } from './tokens/lease-token.ts';
export { lookAtToken } from './tokens/look-at-token.ts';
export { findOldTokens, removeOldTokens } from './tokens/old-tokens.ts';
export { putToken } from './tokens/put-token.ts';
// Upkeep.
export { clockAheadOf, type DatabaseCheck, openDatabaseCheck } from './upkeep/database-check.ts';
export { PRUNE_BATCH, type Prunable, pruneBatch } from './upkeep/prune.ts';
export { checkSealed, countSealed, type ResealCounts, resealAll } from './upkeep/reseal.ts';
export { type SealOldCounts, sealOldEmrText } from './upkeep/seal-old-emr-text.ts';
export { type AuditGuard, auditGuard, serverClock } from './upkeep/server-facts.ts';
export { forgetDemand, shareDemand } from './upkeep/share-demand.ts';
