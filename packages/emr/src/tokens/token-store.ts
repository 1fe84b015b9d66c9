/** The tokens that a token endpoint gave: an access token and, for some grants, the refresh token that gets the next one. */
export type TokenPair = {
  accessToken: string;
  refreshToken: string | null;
  /** True when the token before it was renewed because the EMR rejected it, and not because it had expired. */
  afterRejection: boolean;
};

/** The stored token of a credential, with times by the store's clock: workers' clocks are not compared. */
export type StoredToken = {
  /** Null when none has been stored yet. */
  pair: (TokenPair & { ageMs: number; lifetimeMs: number; remainingMs: number }) | null;
  /** Raised with each stored pair; 0 before the first. */
  generation: number;
  /** `login_required`: the token endpoint says that the refresh token is no longer good. */
  state: 'good' | 'login_required';
  /** True while somebody renews it. */
  leased: boolean;
  /** For so many milliseconds no token call may be made, as the token endpoint has asked; 0 when one may. */
  waitMs: number;
};

/** The lease of the one who renews. `fence` is raised with each lease of the credential. */
export type TokenLease = { key: string; fence: number; generation: number };

/**
 * Keeps the tokens of credentials by key, for all who share it. Nobody holds a lock or a transaction while a token endpoint is
 * called: a lease that ends by itself keeps others away meanwhile.
 */
export type TokenStore = {
  look(key: string): Promise<StoredToken>;
  /** @returns null when another holds the lease, has stored a pair of a later generation, or no call may be made yet. */
  lease(input: { key: string; generation: number; leaseMs: number }): Promise<TokenLease | null>;
  /**
   * Stores a pair and ends the lease. The condition is the generation: a holder whose lease ran out during its call still stores
   * its pair as long as no other pair has been stored, because the one before may be dead by then.
   *
   * @returns false when another pair was stored since.
   */
  put(lease: TokenLease, pair: TokenPair & { expiresInMs: number }): Promise<boolean>;
  /** Ends the lease without a pair; without an effect when the lease has passed to another or a pair was stored since. */
  giveUp(lease: TokenLease, end: { state: 'good' | 'login_required'; waitMs: number }): Promise<void>;
};
