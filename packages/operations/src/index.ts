// Actions of one call of packages/db, which command line and operator's API take from here like all others: no command and no route
// calls the database by itself (scripts/check-imports.ts).
export {
  createClient,
  createClientIn,
  createOperatorKey,
  disableClient,
  disableEndpoint,
  disableUser,
  enableClient,
  enableEndpoint,
  enableEndpointIn,
  enableUser,
  endHoldIn,
  findClientPk,
  findListedClient,
  findListedUser,
  findOperatorKey,
  findUserPk,
  listAudit,
  listClients,
  listEndpoints,
  listHoldScopes,
  listOauthApplications,
  listOperatorKeys,
  listReturnUrls,
  listUsers,
  MOST_ROUNDS,
  noteUseOfOperatorKey,
  pageOfClients,
  pageOfEndpoints,
  pageOfUsers,
  redeliverEvent,
  removeReturnUrl,
  resolvePayment,
  retryPayment,
  revokeOperatorKey,
  rotateAccessToken,
  rotateAccessTokenIn,
  rotateClientSecret,
  rotateClientSecretIn,
  rotateOperatorKey,
  startHold,
  waitForClaims,
} from '@emr-payments/db';
export {
  type ArchiveOutcome,
  archivePayments,
  type PreviewOutcome,
  previewArchive,
  YOUNGEST_DAYS,
} from './archive/archive-payments.ts';
export { ArchiveFileError } from './archive/write-table.ts';
export { cancelSession } from './connect/cancel-session.ts';
export { connectPractice } from './connect/connect-practice.ts';
export { loggedIn, logIn } from './connect/log-in.ts';
export { registerReturnUrl } from './connect/register-return-url.ts';
export { returnAddress } from './connect/return-url.ts';
export { type OauthAppField, removeOauthApp, setOauthApp, setOauthAppIn } from './connect/set-oauth-app.ts';
export { type ShownSession, showSession } from './connect/show-session.ts';
export { checkUserConnection, type UserCheckOutcome } from './connections/check-user-connection.ts';
export {
  type NoticeAddressOutcome,
  noticeAddress,
  noticeAddressIn,
  sendsNotices,
} from './connections/notice-address.ts';
export { OTHER_PRACTICE } from './connections/see-practice.ts';
export { setLimit } from './connections/set-limit.ts';
export {
  type ConnectionOwner,
  prepareConnection,
  type SetUpInput,
  type SetUpOutcome,
  type SetUpRefusal,
  setUpConnection,
} from './connections/set-up-connection.ts';
export { diagnose, type ServiceSettings } from './doctor/diagnose.ts';
export type { EmrText } from './emr-text/read-emr-text.ts';
export { sealOldEmrTexts } from './emr-text/seal-old-emr-text.ts';
export { continuePosting, findHoldScope, findHolds, stopPosting } from './holds/holds.ts';
export { rotateKeys } from './keys/rotate-keys.ts';
export { PatientsFileError } from './patients/file-error.ts';
export { type FindUsersPatientOutcome, findUsersPatient } from './patients/find-patient.ts';
export { type ImportOutcome, type ImportReport, importFile } from './patients/import-file.ts';
export { importUsersPatients } from './patients/import-users-patients.ts';
export { isLine } from './patients/line.ts';
export { readPatient } from './patients/read-patient.ts';
export { type Comparison, PaymentsFileError } from './payments/compare-file.ts';
export { compareUsersPayments } from './payments/compare-users-payments.ts';
export { type ListPaymentsOutcome, listUsersPayments, readPayment } from './payments/read-payments.ts';
export { readOwnedPayment, readWorklist } from './payments/read-worklist.ts';
export { declareRestored } from './restore/declare-restored.ts';
export { type ShownUser, showUser } from './users/show-user.ts';
export { startUserSync, startUserSyncIn } from './users/start-user-sync.ts';
