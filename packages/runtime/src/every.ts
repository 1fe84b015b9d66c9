import { untraced } from './tracing.ts';

// By hand: interval schedulers such as toad-scheduler cannot be woken, and do not wait for the run in hand when they stop.

export type Loop = {
  /** Starts a run now, or directly after the run in hand. Several calls during one run start one more run. */
  wake(): void;
  /** Starts no further run, aborts the signal of the run in hand, and resolves when that run has ended. */
  stop(): Promise<void>;
};

/**
 * Calls `run` periodically. Runs never overlap: a tick that comes during a run is dropped. An error goes to `onError` and
 * the loop goes on; calls of `wake` that came during the failed run are dropped too, so that a failure is not repeated
 * without a pause. The timer does not keep the process alive.
 *
 * @param deps.run gets a signal that `stop` aborts; a long run checks it to end early.
 * @param input.firstAfterMs the delay before the first run; `intervalMs` when it is left out.
 */
export function every(
  { run, onError }: { run: (signal: AbortSignal) => Promise<void>; onError: (error: unknown) => void },
  { intervalMs, firstAfterMs = intervalMs }: { intervalMs: number; firstAfterMs?: number },
): Loop {
  const stopping = new AbortController();
  const { signal } = stopping;
  let running: Promise<void> | undefined;
  let again = false;

  async function runWhileAwake(): Promise<void> {
    while (again && !signal.aborted) {
      again = false;
      try {
        await run(signal);
      } catch (error) {
        again = false;
        onError(error);
      }
    }
    running = undefined;
  }

  function wake(): void {
    again = true;
    if (!signal.aborted) running ??= Promise.resolve().then(() => untraced(runWhileAwake));
  }

  function tick(): void {
    if (running === undefined) wake();
  }

  let timer = setTimeout(() => {
    timer = setInterval(tick, intervalMs).unref();
    tick();
  }, firstAfterMs).unref();

  return {
    wake,
    async stop() {
      clearTimeout(timer);
      stopping.abort();
      await running;
    },
  };
}
