import { setTimeout as pause } from 'node:timers/promises';
import { sentence } from '@emr-payments/contracts';
import { LRUCache } from 'lru-cache';
import type { TokenSource, TokenSources } from '../adapter-deps.ts';
import type { Grant } from '../grant.ts';
import type { Trouble } from '../trouble.ts';
import { judgeToken } from './judge-token.ts';
import { type Renewal, renewToken } from './renew-token.ts';
import { tokenKey } from './token-key.ts';
import type { TokenStore } from './token-store.ts';
import { NOT_RENEWED } from './token-trouble.ts';

/** Longest wait of one request for another's renewal. Its job is tried again after that. */
const LONGEST_WAIT_MS = 10_000;
const FIRST_LOOK_AGAIN_MS = 50;
const LAST_LOOK_AGAIN_MS = 500;
/** After a renewal that failed, a token that is still good is used so long without another try. */
const QUIET_MS = 5_000;
/** Above this number the tokens least recently used are looked up again: that costs one read of the store. */
const MAX_KEPT = 1000;

export type TokenSourcesDeps = {
  store: TokenStore;
  /** Called for an error of the store, or of a grant: a fault of ours. The request is then not made. */
  onFault?: (error: unknown) => void;
  /** True for a check that an operator starts: a login that has ended is tried once more. */
  retriesLogin?: boolean;
};

export type OwnTokenSources = TokenSources & {
  /** Waits for the renewals under way: a pair that a vendor has given is stored before its process ends. */
  settled(): Promise<void>;
};

type Ended = Renewal | { outcome: 'fault' };

const ABORTED: Trouble = { code: 'aborted', detail: sentence`The call was aborted.` };
const OUR_FAULT: Trouble = {
  code: 'our_fault',
  detail: sentence`The EMR's access token cannot be read for a reason on our side.`,
};

/**
 * True when two grants of one credential call the token endpoint in the same way. After the client secret, or its place, was replaced they
 * do not: the end of a call with the old secret says nothing about the new one. The functions of a grant are not compared.
 */
const callsAlike = (one: Grant, other: Grant): boolean =>
  one === other || JSON.stringify(one) === JSON.stringify(other);

/** Waits for the work or the abort, whichever comes first. */
function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | null> {
  return new Promise((resolve, reject) => {
    const onAbort = () => resolve(null);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

/**
 * Opens the tokens of credentials. Of all processes that share the store one renews a token at a time; the others use the old one
 * while it is good, or wait for the new one. A renewal belongs to no request: a request that is aborted leaves it running, because
 * a vendor may have ended the old token already.
 */
export function createTokenSources(deps: TokenSourcesDeps): OwnTokenSources {
  const { store, onFault = () => undefined } = deps;
  const kept = new LRUCache<string, { token: string; freshUntil: number }>({ max: MAX_KEPT });
  const renewals = new Map<string, { grant: Grant; ended: Promise<Ended> }>();
  const quietUntil = new Map<string, number>();

  function renew(input: Parameters<typeof renewToken>[1]): { grant: Grant; ended: Promise<Ended> } {
    const ended = renewToken(store, input)
      .catch((error: unknown): Ended => {
        onFault(error);
        return { outcome: 'fault' };
      })
      .then((end) => {
        renewals.delete(input.key);
        if (end.outcome === 'renewed') quietUntil.delete(input.key);
        else quietUntil.set(input.key, performance.now() + QUIET_MS);
        return end;
      });
    const renewal = { grant: input.grant, ended };
    renewals.set(input.key, renewal);
    return renewal;
  }

  async function get(
    { grant, key }: { grant: Grant; key: string },
    { signal, rejected, timeoutMs, network, permit, throttled }: Parameters<TokenSource['get']>[0],
  ): Promise<{ token: string } | Trouble> {
    const known = kept.get(key);
    if (known !== undefined && known.token !== rejected && performance.now() < known.freshUntil)
      return { token: known.token };

    const until = performance.now() + LONGEST_WAIT_MS;
    let failed: Trouble | null = null;
    let renewed = false;
    for (let waitMs = FIRST_LOOK_AGAIN_MS; ; waitMs = Math.min(waitMs * 2, LAST_LOOK_AGAIN_MS)) {
      if (signal.aborted) return ABORTED;
      const seen = await store.look(key);
      const quiet = failed !== null || performance.now() < (quietUntil.get(key) ?? 0);
      const next = judgeToken(seen, { rejected, renewed, quiet, retriesLogin: deps.retriesLogin ?? false });
      if (next.step === 'use') {
        kept.set(key, { token: next.token, freshUntil: performance.now() + next.freshMs });
        return { token: next.token };
      }
      if (failed !== null) return failed;
      if (next.step === 'fail') return next.trouble;
      const afterRejection = rejected !== undefined && seen.pair?.accessToken === rejected;
      const renewal =
        renewals.get(key) ??
        (next.step === 'renew'
          ? renew({ key, grant, seen, afterRejection, timeoutMs, network, permit, throttled })
          : null);
      if (renewal !== null) {
        const ended = await untilAborted(renewal.ended, signal);
        if (ended === null) return ABORTED;
        const isOwn = callsAlike(renewal.grant, grant);
        if (ended.outcome === 'fault' && isOwn) return OUR_FAULT;
        if (ended.outcome === 'failed' && isOwn) failed = ended.trouble;
        if (ended.outcome === 'renewed') renewed = true;
        // There is a new token, or the old one may still do.
        if (ended.outcome !== 'busy') continue;
      }
      if (performance.now() >= until) return NOT_RENEWED;
      await pause(waitMs, undefined, { signal }).catch(() => undefined);
    }
  }

  return {
    of(grant) {
      const key = tokenKey(grant);
      return {
        get: (call) =>
          get({ grant, key }, call).catch((error: unknown) => {
            onFault(error);
            return OUR_FAULT;
          }),
      };
    },
    async settled() {
      await Promise.all([...renewals.values()].map(({ ended }) => ended));
    },
  };
}
