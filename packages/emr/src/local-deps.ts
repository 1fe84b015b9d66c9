import type { AdapterDeps, CallCounter, TokenSources } from './adapter.ts';

/** Grants every request: for a single check of a connection, and for servers without limits. */
const uncounted: CallCounter = { take: async () => ({ granted: true }) };

/** Keeps tokens in the memory of this process. */
const inMemory: TokenSources = {
  of(grant) {
    throw new Error(`there are no tokens by ${grant.kind} yet`);
  },
};

/** The shared parts of a process that works alone: tokens are in its memory, and no call is counted. */
export const localAdapterDeps = (): AdapterDeps => ({ tokens: inMemory, calls: uncounted });
