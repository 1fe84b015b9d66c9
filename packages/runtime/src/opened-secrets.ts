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
  /** By row, in the order in which they were opened. */
  const kept = new Map<string, { sealed: string; value: T; until: number }>();
  let timer: NodeJS.Timeout | undefined;

  /** Drops the ones whose time is over, without waiting for anybody to ask for one. */
  function dropExpired(): void {
    timer = undefined;
    const now = performance.now();
    for (const [row, { until }] of kept) {
      if (until > now) {
        timer = setTimeout(dropExpired, until - now).unref();
        return;
      }
      kept.delete(row);
    }
  }

  return {
    open({ row, sealed }) {
      const found = kept.get(row);
      const now = performance.now();
      if (found !== undefined && found.sealed === sealed && found.until > now) return found.value;
      kept.delete(row);
      const value = read(open(keyring, row, sealed));
      const [oldest] = kept.keys();
      if (kept.size >= most && oldest !== undefined) kept.delete(oldest);
      kept.set(row, { sealed, value, until: now + keepMs });
      timer ??= setTimeout(dropExpired, keepMs).unref();
      return value;
    },
    get size() {
      return kept.size;
    },
    close() {
      clearTimeout(timer);
      timer = undefined;
      kept.clear();
    },
  };
}
