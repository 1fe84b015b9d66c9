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
  findEndpoint,
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
export type { Choice, ChoiceField } from './connect/choices.ts';
export { connectPractice, type PracticeInput, type PracticeOutcome } from './connect/connect-practice.ts';
export { type LoggedInOutcome, type LogInOutcome, loggedIn, logIn } from './connect/log-in.ts';
export { type ReturnUrlOutcome, registerReturnUrl } from './connect/register-return-url.ts';
export { returnAddress } from './connect/return-url.ts';
export {
  type OauthAppField,
  type OauthAppOutcome,
  removeOauthApp,
  setOauthApp,
  setOauthAppIn,
} from './connect/set-oauth-app.ts';
export { type ShownSession, showSession } from './connect/show-session.ts';
export { checkUserConnection, type UserCheckOutcome } from './connections/check-user-connection.ts';
export { describeConnection } from './connections/describe-connection.ts';
export {
  type NoticeAddressOutcome,
  noticeAddress,
  noticeAddressIn,
  sendsNotices,
} from './connections/notice-address.ts';
export { OTHER_PRACTICE } from './connections/see-practice.ts';
export { type SetLimitOutcome, setLimit } from './connections/set-limit.ts';
export {
  type ConnectionOwner,
  type PreparedConnection,
  prepareConnection,
  type SetUpInput,
  type SetUpOutcome,
  type SetUpRefusal,
  type SetUpSaved,
  setUpConnection,
} from './connections/set-up-connection.ts';
export { diagnose, type ServiceSettings } from './doctor/diagnose.ts';
export type { Check } from './doctor/finding.ts';
export { type EmrText, readEmrText } from './emr-text/read-emr-text.ts';
export { sealOldEmrTexts } from './emr-text/seal-old-emr-text.ts';
export {
  type ContinueOutcome,
  continuePosting,
  findHoldScope,
  findHolds,
  type HoldsOutcome,
  type StopOutcome,
  stopPosting,
} from './holds/holds.ts';
export { rotateKeys } from './keys/rotate-keys.ts';
export { PatientsFileError } from './patients/file-error.ts';
export { type FindUsersPatientOutcome, findUsersPatient } from './patients/find-patient.ts';
export { type ImportOutcome, type ImportReport, importFile } from './patients/import-file.ts';
export { importUsersPatients } from './patients/import-users-patients.ts';
export { isLine } from './patients/line.ts';
export { type ReadPatientOutcome, readPatient } from './patients/read-patient.ts';
export type { BadRow } from './patients/read-rows.ts';
export { type Comparison, PaymentsFileError } from './payments/compare-file.ts';
export { type CompareOutcome, compareUsersPayments } from './payments/compare-users-payments.ts';
export {
  type ListPaymentsOutcome,
  listUsersPayments,
  type ReadPaymentOutcome,
  readPayment,
} from './payments/read-payments.ts';
export { readOwnedPayment, readWorklist } from './payments/read-worklist.ts';
export { declareRestored, type RestoredOutcome } from './restore/declare-restored.ts';
export { type LoginState, loginOf } from './tokens/login-state.ts';
export { type ShownConnection, type ShownUser, showUser } from './users/show-user.ts';
export { startUserSync, startUserSyncIn } from './users/start-user-sync.ts';
