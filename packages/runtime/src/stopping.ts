import { setTimeout as pause } from 'node:timers/promises';

/**
 * The stop of a process, as its parts see it: first it begins, and readiness answers `stopping`; after the drain, in which
 * everything still works, things are closed.
 */
export class Stopping {
  readonly #begun = new AbortController();
  readonly #hurried = new AbortController();
  #drained = Promise.resolve();
  #draining = false;

  /** Aborted when the stop begins. */
  get signal(): AbortSignal {
    return this.#begun.signal;
  }

  /** Resolves when the drain is over: `drainMs` after the beginning, or when it was ended early. At once before the beginning. */
  drained(): Promise<void> {
    return this.#drained;
  }

  /** Begins the stop. A second call changes nothing. */
  begin({ drainMs }: { drainMs: number }): void {
    if (this.#begun.signal.aborted) return;
    if (drainMs > 0) {
      this.#draining = true;
      this.#drained = pause(drainMs, undefined, { signal: this.#hurried.signal })
        .catch(() => undefined)
        .then(() => {
          this.#draining = false;
        });
    }
    this.#begun.abort();
  }

  /** Ends the drain now. Returns false when none is running. */
  hurry(): boolean {
    if (!this.#draining || this.#hurried.signal.aborted) return false;
    this.#hurried.abort();
    return true;
  }
}
