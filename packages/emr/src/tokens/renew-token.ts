import { setTimeout as pause } from 'node:timers/promises';
import { LONGEST_PAUSE_MS } from '../calls.ts';
import type { Grant } from '../grant.ts';
import type { Network } from '../network.ts';
import { isTrouble, type Trouble } from '../trouble.ts';
import { obtainToken } from './obtain-token.ts';
import type { ObtainedToken } from './token-call.ts';
import type { StoredToken, TokenLease, TokenStore } from './token-store.ts';

/** Longest time of one call of a token endpoint, whatever the connection permits: others wait for it. */
const LONGEST_CALL_MS = 30_000;
/** The lease outlives the call by the time that storing may take. */
const LEASE_AFTER_CALL_MS = 15_000;
/** Lifetime of a token whose answer does not say it, or says none that can be. */
const USUAL_LIFETIME_MS = 3_600_000;
const LONGEST_LIFETIME_MS = 30 * 24 * 3_600_000;
/** How long a pair that cannot be stored is tried to be stored: the vendor may have ended the one before. */
const STORE_FOR_MS = 60_000;
const STORE_AGAIN_MS = 500;

export type RenewInput = {
  key: string;
  grant: Grant;
  seen: StoredToken;
  afterRejection: boolean;
  timeoutMs: number;
  network: Network;
  /** Counts the call against the vendor's limit. */
  permit(): Promise<Trouble | null>;
  /** Says that the token endpoint has answered 429. */
  throttled(input: { tokenUrl: string; saidMs: number | undefined }): Promise<void>;
};

export type Renewal =
  | { outcome: 'renewed' }
  /** Another holds the lease, or has renewed it. */
  | { outcome: 'busy' }
  | { outcome: 'failed'; trouble: Trouble };

/** Seconds of the vendor's, as milliseconds that can be. */
function lifetimeOf({ expiresInMs }: ObtainedToken): number {
  if (expiresInMs === null || !Number.isFinite(expiresInMs) || expiresInMs < 1000) return USUAL_LIFETIME_MS;
  return Math.min(expiresInMs, LONGEST_LIFETIME_MS);
}

/**
 * Stores the pair, and tries again while the store is away: the refresh token in it may be the only one that is still good.
 *
 * @throws the error of the store when the time is over.
 */
async function putPair(
  store: TokenStore,
  { lease, pair }: { lease: TokenLease; pair: Parameters<TokenStore['put']>[1] },
): Promise<void> {
  for (const until = performance.now() + STORE_FOR_MS; ; ) {
    try {
      await store.put(lease, pair);
      return;
    } catch (error) {
      if (performance.now() >= until) throw error;
      await pause(STORE_AGAIN_MS);
    }
  }
}

/**
 * Renews the token of a credential as the only one who does: takes the lease, calls the token endpoint, stores the new pair, and
 * only then lets it be used.
 *
 * @throws the error of the store, or of a grant that cannot be used.
 */
export async function renewToken(store: TokenStore, input: RenewInput): Promise<Renewal> {
  const { key, grant, seen } = input;
  const timeoutMs = Math.min(input.timeoutMs, LONGEST_CALL_MS);
  const leaseMs = timeoutMs + LEASE_AFTER_CALL_MS;
  const leaseEnds = performance.now() + leaseMs;
  const lease = await store.lease({ key, generation: seen.generation, leaseMs });
  if (lease === null) return { outcome: 'busy' };
  const giveUp = (end: Parameters<TokenStore['giveUp']>[1]) => store.giveUp(lease, end);
  try {
    const refused = await input.permit();
    if (refused !== null) {
      // The wait is our own count's, not the token endpoint's: the next one asks the count again.
      await giveUp({ state: seen.state, waitMs: 0 });
      return { outcome: 'failed', trouble: refused };
    }
    const startedAt = performance.now();
    const obtained = await obtainToken(
      // A call that is sent later might be answered after the lease.
      { network: input.network, timeoutMs, mayStillSend: () => performance.now() < leaseEnds - timeoutMs },
      { grant, refreshToken: seen.pair?.refreshToken ?? null },
    );
    if (isTrouble(obtained)) {
      const { code, retryAfterMs } = obtained;
      if (code === 'rate_limited') await input.throttled({ tokenUrl: grant.tokenUrl, saidMs: retryAfterMs });
      const state = code === 'login_required' ? 'login_required' : seen.state;
      await giveUp({ state, waitMs: Math.min(retryAfterMs ?? 0, LONGEST_PAUSE_MS) });
      return { outcome: 'failed', trouble: obtained };
    }
    const pair = {
      accessToken: obtained.accessToken,
      // The vendor names none when the one before stays good (RFC 6749, section 6).
      refreshToken: obtained.refreshToken ?? seen.pair?.refreshToken ?? null,
      afterRejection: input.afterRejection,
      expiresInMs: Math.max(1, lifetimeOf(obtained) - (performance.now() - startedAt)),
    };
    await putPair(store, { lease, pair });
    return { outcome: 'renewed' };
  } catch (error) {
    // After an error of ours others may try at once. Where this fails too, the lease ends by itself.
    await giveUp({ state: seen.state, waitMs: 0 }).catch(() => undefined);
    throw error;
  }
}
