import { type Database, listConnectionSettings } from '@emr-payments/db';
import { adapterDescriptions, canonicalAdapterName } from '@emr-payments/emr';
import type { Finding } from './finding.ts';

/** Most users that the finding names. */
const NAMED_USERS = 5;

/**
 * Names the users for whose EMR a setting counts that nobody gave and no check has read, such as whether it honours a
 * conditional create. Version 0.1.0 took it for true.
 */
export async function checkConnections({ database }: { database: Database }): Promise<Finding> {
  const connections = await listConnectionSettings({ database });
  const unread = connections.filter(({ adapter, settings }) => {
    const name = canonicalAdapterName(adapter);
    const description = adapterDescriptions.find((each) => each.name === name);
    return description?.settings.some(
      (field) => field.unread !== undefined && !Object.hasOwn(settings, field.name),
    );
  });
  if (unread.length === 0) return { state: 'ok', found: 'what each EMR can do is known' };
  const named = unread.slice(0, NAMED_USERS).map(({ userPublicId }) => userPublicId);
  const more = unread.length > named.length ? ` and ${unread.length - named.length} more` : '';
  return {
    state: 'warn',
    found: `what the EMR of ${named.join(', ')}${more} can do was never read; run user check for each`,
  };
}
