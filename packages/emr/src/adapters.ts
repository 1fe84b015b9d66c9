import { LRUCache } from 'lru-cache';
import type { EmrAdapter, EmrConnection } from './adapter.ts';
import { openAdapter } from './open-adapter.ts';

/** A connection as it is stored: its credentials are sealed. `version` changes whenever the connection does. */
export type StoredConnection = Omit<EmrConnection, 'credentials'> & {
  credentials: string | null;
  version: string;
};

export type Adapters = {
  /** @throws Error when the connection cannot be used as it is set up; the message is for the practice's people. */
  of(connection: StoredConnection): EmrAdapter;
};

/** Beyond that the one that was not used for longest is opened anew when it is wanted: that costs little. */
const MAX_OPEN = 1000;

/** One open adapter for each connection in use. A connection that was changed is opened anew. */
export function createAdapters(deps: {
  /** Opens what is sealed. */
  credentialsOf(connection: Pick<StoredConnection, 'userId' | 'credentials'>): Record<string, string>;
}): Adapters {
  const opened = new LRUCache<number, { version: string; adapter: EmrAdapter }>({ max: MAX_OPEN });
  return {
    of(connection) {
      const known = opened.get(connection.userId);
      if (known?.version === connection.version) return known.adapter;
      const adapter = openAdapter({ ...connection, credentials: deps.credentialsOf(connection) });
      opened.set(connection.userId, { version: connection.version, adapter });
      return adapter;
    },
  };
}
