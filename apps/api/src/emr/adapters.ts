import { type ConnectionRecord, connectionRow } from '@emr-payments/db';
import { type EmrAdapter, openAdapter } from '@emr-payments/emr';
import { type Keyring, open } from '@emr-payments/runtime';
import { LRUCache } from 'lru-cache';

const MAX_OPEN = 1000;

export type Adapters = {
  /** @throws Error when the connection cannot be used as it is set up. */
  of(connection: ConnectionRecord): EmrAdapter;
};

/** One open adapter for each connection in use. A connection that was changed is opened anew. */
export function createAdapters({ keyring }: { keyring: Keyring }): Adapters {
  const opened = new LRUCache<number, { version: string; adapter: EmrAdapter }>({ max: MAX_OPEN });
  return {
    of(connection) {
      const { userId, version, credentials } = connection;
      const known = opened.get(userId);
      if (known?.version === version) return known.adapter;
      const clear = credentials === null ? '{}' : open(keyring, connectionRow(userId), credentials);
      const adapter = openAdapter({
        userId,
        adapter: connection.adapter,
        baseUrl: connection.baseUrl,
        credentials: JSON.parse(clear) as Record<string, string>,
        settings: connection.settings,
        timeZone: connection.timeZone,
      });
      opened.set(userId, { version, adapter });
      return adapter;
    },
  };
}
