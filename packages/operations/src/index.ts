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
export { type OauthAppOutcome, setOauthApp } from './connect/set-oauth-app.ts';
export { type ShownSession, showSession } from './connect/show-session.ts';
export { openAdapterDeps } from './connections/adapter-deps.ts';
export { checkUserConnection, type UserCheckOutcome } from './connections/check-user-connection.ts';
export { clientModeRule } from './connections/client-mode.ts';
export { describeConnection } from './connections/describe-connection.ts';
export { type NoticeAddressOutcome, noticeAddress, sendsNotices } from './connections/notice-address.ts';
export {
  type ConnectionOwner,
  type SetUpInput,
  type SetUpOutcome,
  setUpConnection,
} from './connections/set-up-connection.ts';
export { diagnose, type ServiceSettings } from './doctor/diagnose.ts';
export type { Check } from './doctor/finding.ts';
export { type EmrText, readEmrText } from './emr-text/read-emr-text.ts';
export { sealOldEmrTexts } from './emr-text/seal-old-emr-text.ts';
export { rotateKeys } from './keys/rotate-keys.ts';
export { PatientsFileError } from './patients/file-error.ts';
export { type FindUsersPatientOutcome, findUsersPatient } from './patients/find-patient.ts';
export { type ImportOutcome, type ImportReport, importFile } from './patients/import-file.ts';
export { isLine } from './patients/line.ts';
export type { BadRow } from './patients/read-rows.ts';
export { type Comparison, compareFile, PaymentsFileError } from './payments/compare-file.ts';
export { type LoginState, loginOf } from './tokens/login-state.ts';
export { pruneTokens } from './tokens/prune-tokens.ts';
