import {
  type Actor,
  type BrowserSession,
  cancelConnectSession,
  type Database,
  recordAudit,
} from '@emr-payments/db';

/** Ends a session without a connection. false: it has ended before. */
export async function cancelSession(
  { database }: { database: Database },
  { session: { id }, by }: { session: BrowserSession; by: Actor },
): Promise<boolean> {
  if (!(await cancelConnectSession({ database }, { id }))) return false;
  const subject = `connect_session:${id}` as const;
  await recordAudit({ database }, { ...by, action: 'connect_session.cancel', subject, outcome: 'done' });
  return true;
}
