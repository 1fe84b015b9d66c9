import { createNews } from './news.ts';
import { untraced } from './tracing.ts';

// By hand: interval schedulers such as toad-scheduler cannot be woken, and do not wait for the run in hand when they stop.

export type Loop = {
  /** Starts a run now, or directly after the run in hand. Several calls during one run start one more run. */
  wake(): void;
  /** Starts no further run, aborts the signal of the run in hand, and resolves when that run has ended. */
  stop(): Promise<void>;
};

/** How long the same trouble is no news, while a loop fails again and again. */
const NO_NEWS_MS = 5 * 60_000;

/**
 * Calls `run` periodically. Runs never overlap: a tick that comes during a run is dropped. An error goes to `onError` and
 * the loop goes on; calls of `wake` that came during the failed run are dropped too, so that a failure is not repeated
 * without a pause. The timer does not keep the process alive.
 *
 * @param deps.run gets a signal that `stop` aborts; a long run checks it to end early.
 * @param deps.onError gets each error, and whether it is news: worth a line in the log. It is not when a run has failed with the same message in
 *   the last five minutes and none has ended well since.
 * @param input.firstAfterMs the delay before the first run; `intervalMs` when it is left out.
 */
export function every(
  {
    run,
    onError,
  }: {
    run: (signal: AbortSignal) => Promise<void>;
    onError: (error: unknown, isNews: boolean) => unknown;
  },
  { intervalMs, firstAfterMs = intervalMs }: { intervalMs: number; firstAfterMs?: number },
): Loop {
  const stopping = new AbortController();
  const { signal } = stopping;
  let running: Promise<void> | undefined;
  let again = false;
  const news = createNews({ quietMs: NO_NEWS_MS });

  async function runWhileAwake(): Promise<void> {
    while (again && !signal.aborted) {
      again = false;
      try {
        await run(signal);
        news.over();
      } catch (error) {
        again = false;
        onError(error, news.isNews(error));
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
