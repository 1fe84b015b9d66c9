import type { ClaimedPosting } from '@emr-payments/db';
import { type EmrAdapter, openAdapter } from '@emr-payments/emr';
import { type Keyring, open } from '@emr-payments/runtime';

export type Adapters = {
  /** @throws Error when the connection cannot be used as it is set up; the message is for the practice's people. */
  of(posting: Pick<ClaimedPosting, 'payment' | 'connection'>): EmrAdapter;
};

/**
 * One open adapter for each connection, with what it has learned about its EMR (tokens, lists). A connection that was
 * changed is opened anew.
 */
export function createAdapters({ keyring }: { keyring: Keyring }): Adapters {
  const opened = new Map<number, { version: string; adapter: EmrAdapter }>();
  return {
    of({ payment: { userId }, connection }) {
      const known = opened.get(userId);
      if (known?.version === connection.version) return known.adapter;
      const clear =
        connection.credentials === null
          ? '{}'
          : open(keyring, `connection:${userId}`, connection.credentials);
      const adapter = openAdapter({
        userId,
        adapter: connection.adapter,
        baseUrl: connection.baseUrl,
        credentials: JSON.parse(clear) as Record<string, string>,
        settings: connection.settings,
        timeZone: connection.timeZone,
      });
      opened.set(userId, { version: connection.version, adapter });
      return adapter;
    },
  };
}
