import { LRUCache } from 'lru-cache';
import { atMost } from './at-most.ts';
import { type Keyring, open } from './sealing.ts';

/** Most secrets that are kept open at once: a few MB. */
const MOST = 5_000;
/** Milliseconds that a secret is kept open, counted from when it was opened. */
const KEEP_MS = 5 * 60_000;

/** A sealed secret: `row` is what it was sealed for (such as `webhook_secret:7`), `sealed` the text that `seal` made. */
export type SealedSecret = { row: string; sealed: string };

export type OpenedSecrets<T> = {
  /**
   * Opens a secret, or returns what was read from the same row and the same sealed text before.
   * @throws Error as `open` and `read` do. Nothing is kept of a failure.
   */
  open(secret: SealedSecret): T;
  /** How many are open now. */
  readonly size: number;
  /** Drops all of them. */
  close(): void;
};

/**
 * Opens secrets and keeps what `read` makes of them in memory, for a bounded time and number. A text that was sealed again, for a
 * rotation or with another key, is opened again: it is never answered with what an earlier text held.
 * Why, and what an attacker gains: docs/decisions/0017-opened-secrets.md.
 */
export function createOpenedSecrets<T>(
  { keyring }: { keyring: Keyring },
  input: { read: (clear: string) => T; most?: number; keepMs?: number },
): OpenedSecrets<T> {
  const { read, most = MOST, keepMs = KEEP_MS } = input;
  // `ttlAutopurge` drops each at its time, without waiting for anybody to ask for it.
  const kept = new LRUCache<string, { sealed: string; value: T }>({
    ...atMost(most),
    ttl: keepMs,
    ttlAutopurge: true,
  });
  return {
    open({ row, sealed }) {
      const found = kept.get(row);
      if (found?.sealed === sealed) return found.value;
      kept.delete(row);
      const value = read(open(keyring, row, sealed));
      kept.set(row, { sealed, value });
      return value;
    },
    get size() {
      return kept.size;
    },
    close: () => kept.clear(),
  };
}
