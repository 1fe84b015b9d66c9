import type { AdapterDeps } from './adapter-deps.ts';
import type { CallCounter } from './calls.ts';
import { createNetworks, type Networks, OPEN_NETWORK } from './network.ts';
import { memoryTokenStore } from './tokens/memory-token-store.ts';
import { createTokenSources } from './tokens/token-sources.ts';

/** Grants every request: for a single check of a connection, and for servers without limits. */
const uncounted: CallCounter = { take: async () => ({ granted: true }), pause: async () => {} };

/** The shared parts of a process that works alone: tokens are in its memory, no call is counted, and no address guarded. */
export const localAdapterDeps = (): AdapterDeps & { networks: Networks } => ({
  tokens: createTokenSources({ store: memoryTokenStore() }),
  calls: uncounted,
  network: OPEN_NETWORK,
  networks: createNetworks(),
});
