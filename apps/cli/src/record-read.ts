import { type AuditSubject, recordAudit } from '@emr-payments/db';
import type { CommandDeps } from './cli.ts';

/**
 * Writes into the audit log that the person at the command line reads data of patients. Call it before the data is shown:
 * without the entry nothing is.
 */
export async function recordRead(
  { database, by }: Pick<CommandDeps, 'database' | 'by'>,
  { action, subject }: { action: `${string}.${'read' | 'list' | 'compare'}`; subject: AuditSubject },
): Promise<void> {
  await recordAudit({ database }, { ...by, action, subject, outcome: 'done' });
}
