import { newEventId, userConnectedEvent } from '@emr-payments/contracts';
import { type BrowserSession, endConnectSession, publishEvent, type Transaction } from '@emr-payments/db';

/**
 * Ends a session in the transaction that saves its connection, with the event `user.connected`: one for each session. false: the session
 * has ended meanwhile, as by a second window, and the transaction must be undone.
 */
export async function endSession(
  tx: Transaction,
  {
    session: { id, clientPk },
    userPublicId,
  }: { session: Pick<BrowserSession, 'id' | 'clientPk'>; userPublicId: string },
): Promise<boolean> {
  const ended = await endConnectSession(tx, { id, userPublicId });
  if (ended === null) return false;
  const event = userConnectedEvent({
    eventId: newEventId(),
    created: new Date(),
    userPublicId,
    connectSessionId: id,
  });
  await publishEvent(tx, { clientPk, userId: ended.userId, event });
  return true;
}
