import { newEventId, userConnectedEvent } from '@emr-payments/contracts';
import { type BrowserSession, endConnectSession, type InSameCommit, publishEvent } from '@emr-payments/db';

/**
 * Ends the session in the commit that saves its connection, with the event `user.connected`: one for each session. A session that has
 * ended meanwhile, as by a second window, undoes that commit.
 */
export const endInSameCommit =
  ({ id, clientPk }: Pick<BrowserSession, 'id' | 'clientPk'>): InSameCommit =>
  async (tx, { userId, publicId }) => {
    if (!(await endConnectSession(tx, { id, userId }))) return false;
    const event = userConnectedEvent({
      eventId: newEventId(),
      created: new Date(),
      userPublicId: publicId,
      connectSessionId: id,
    });
    await publishEvent(tx, { clientPk, userId, event });
    return true;
  };
