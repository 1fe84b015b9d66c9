import { type Actor, type AuditSubject, type Database, recordAudit } from '@emr-payments/db';

/**
 * Writes into the audit log that an operator reads data of patients. Call it before the data is returned: without the entry nothing
 * is.
 */
export async function recordRead(
  { database }: { database: Pick<Database, 'pool'> },
  {
    action,
    subject,
    by,
  }: { action: `${string}.${'read' | 'list' | 'compare'}`; subject: AuditSubject; by: Actor },
): Promise<void> {
  await recordAudit({ database }, { ...by, action, subject, outcome: 'done' });
}
