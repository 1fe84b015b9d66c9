import { sentence } from '@emr-payments/contracts';
import type { Trouble } from '../trouble.ts';
import type { StoredToken } from './token-store.ts';
import { LOGIN_REQUIRED, NOT_RENEWED } from './token-trouble.ts';

/** A token is renewed so long before it expires, or after three quarters of its life when that is later. */
const LONGEST_MARGIN_MS = 60_000;
/**
 * A token that is rejected so soon after it replaced another rejected one is not renewed again: the EMR rejects us, and not the
 * token.
 */
const REJECTED_AGAIN_MS = 5_000;

export type Wish = {
  /** A token that the EMR has just rejected. */
  rejected: string | undefined;
  /** True after this call has renewed the token once. */
  renewed: boolean;
  /** True when a token that is still good has to do, because the last try to renew it has just failed. */
  quiet: boolean;
  /** True: a login that has ended is tried once more, as after an operator's act. */
  retriesLogin: boolean;
};

export type NextStep =
  /** `freshMs`: for so long the token may be used without looking again. */
  | { step: 'use'; token: string; freshMs: number }
  | { step: 'fail'; trouble: Trouble }
  /** Somebody else renews it. */
  | { step: 'wait' }
  | { step: 'renew' };

const REJECTED: Trouble = {
  code: 'unauthorized',
  detail: sentence`The EMR rejected an access token that it had just given.`,
};

/** Decides what to do for one request, by what is stored. */
export function judgeToken(
  { pair, state, leased, waitMs }: StoredToken,
  { rejected, renewed, quiet, retriesLogin }: Wish,
): NextStep {
  const isRejected = pair !== null && pair.accessToken === rejected;
  if (pair !== null && !isRejected && pair.remainingMs > 0) {
    const freshMs = pair.remainingMs - Math.min(LONGEST_MARGIN_MS, pair.lifetimeMs / 4);
    const use: NextStep = { step: 'use', token: pair.accessToken, freshMs: Math.max(0, freshMs) };
    if (freshMs > 0 || leased || renewed || quiet || waitMs > 0) return use;
    if (state === 'login_required' && !retriesLogin) return use;
  }
  if (leased) return { step: 'wait' };
  if (renewed) return { step: 'fail', trouble: isRejected ? REJECTED : NOT_RENEWED };
  if (state === 'login_required' && !retriesLogin) return { step: 'fail', trouble: LOGIN_REQUIRED };
  if (waitMs > 0) return { step: 'fail', trouble: slowDown(waitMs) };
  // A token from after the present time is of an unknown age: the clock of the database was set back, and it may be old.
  if (isRejected && pair.afterRejection && Math.abs(pair.ageMs) < REJECTED_AGAIN_MS)
    return { step: 'fail', trouble: REJECTED };
  return { step: 'renew' };
}

const slowDown = (waitMs: number): Trouble => ({
  code: 'rate_limited',
  detail: sentence`The EMR's token endpoint asked us to slow down.`,
  retryAfterMs: Math.ceil(waitMs),
});
