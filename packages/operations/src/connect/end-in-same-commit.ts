import { type BrowserSession, endConnectSession, type InSameCommit } from '@emr-payments/db';

/** Ends the session in the commit that saves its connection. A session that has ended meanwhile undoes that commit. */
export const endInSameCommit =
  ({ id }: BrowserSession): InSameCommit =>
  async (tx, { userId }) => {
    return endConnectSession(tx, { id, userId });
  };
