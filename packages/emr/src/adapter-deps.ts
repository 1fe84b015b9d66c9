import type { CallCounter, CallOptions } from './calls.ts';
import type { Grant } from './grant.ts';
import type { Network } from './network.ts';
import type { Trouble } from './trouble.ts';

/** The request that a token is for, and how its endpoint may be called. */
export type TokenCall = Pick<CallOptions, 'signal'> & {
  /** A token that the EMR has just answered with 401: it is renewed, once, unless that has happened. */
  rejected?: string | undefined;
  /** For a call of the token endpoint, answer included. */
  timeoutMs: number;
  /** The way of the connection to which the request belongs: the token endpoint is called over it. */
  network: Network;
  /** Counts a call of the token endpoint against the vendor's limit. @returns trouble when it may not be made now. */
  permit(): Promise<Trouble | null>;
  /** Says that the token endpoint has answered 429, and named this wait or none. Of the EMR's host, it holds back all callers under the limit. */
  throttled(input: { tokenUrl: string; saidMs: number | undefined }): Promise<void>;
};

/** The access token of one credential. */
export type TokenSource = {
  /**
   * Gives a token that is good for the next request, and renews it before it expires.
   *
   * @returns trouble when there is none: nothing was sent. Its code is `login_required` when only a new login of a person helps.
   */
  get(call: TokenCall): Promise<{ token: string } | Trouble>;
};

/** Opens the token of a credential. Sources of the same credential share it, over all workers. */
export type TokenSources = {
  of(grant: Grant): TokenSource;
};

/** What an adapter is opened with: the parts of a process that adapters share, which act over all workers, and its network. */
export type AdapterDeps = {
  /** Access tokens, each renewed by one worker at a time. */
  tokens: TokenSources;
  /** Counts requests against the vendors' limits. */
  calls: CallCounter;
  /** The connection's way to its EMR. */
  network: Network;
};
