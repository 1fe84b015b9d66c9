export {
  type CredentialFailure,
  type CredentialFailures,
  countCredentialFailures,
  networkOf,
} from './credential-failures.ts';
export { type Actor, type AuditDetail, type AuditInput, type AuditSubject, SYSTEM } from './entry.ts';
export { type AuditFilter, type ListedAudit, listAudit } from './list-audit.ts';
export { recordAudit } from './record-audit.ts';
