import { syncBuiltinESMExports } from 'node:module';
import promises from 'node:timers/promises';

/** The time of a schedule, in milliseconds since 1970. It moves only when the scheduler moves it. */
export type Clock = {
  now(): number;
  /** Moves the time, and runs the timers that end meanwhile, each at its own time. One that repeats runs once: no task goes on in between. */
  pass(ms: number): void;
  /** Gives this process its own clock and timers back. */
  restore(): void;
};

type Timer = { endsAt: number; everyMs: number | null; run(): void };

/**
 * Takes over the clocks and timers of this process, so that a lease, its renewal and a pause last as long as the schedule says. There is one
 * clock at a time.
 */
export function takeClock(): Clock {
  const { setTimeout, setInterval, clearTimeout, clearInterval } = globalThis;
  const OwnDate = Date;
  const dateNow = Date.now;
  const pause = promises.setTimeout;
  // A minute ahead, so that the defaults of columns, which PostgreSQL's own clock fills, are in the past.
  let now = dateNow() + 60_000;
  const timers = new Set<Timer>();

  const start =
    (repeats: boolean) =>
    (run: (...given: unknown[]) => void, ms = 0, ...given: unknown[]) => {
      const everyMs = repeats ? Math.max(1, ms) : null;
      const timer = {
        endsAt: now + ms,
        everyMs,
        run: () => run(...given),
        ref: () => timer,
        unref: () => timer,
      };
      timers.add(timer);
      return timer;
    };
  const stop = (timer: unknown) => void timers.delete(timer as Timer);

  Object.assign(globalThis, {
    setTimeout: start(false),
    setInterval: start(true),
    clearTimeout: stop,
    clearInterval: stop,
  });
  OwnDate.now = () => now;
  globalThis.Date = new Proxy(OwnDate, {
    construct: (target, given, asked) => Reflect.construct(target, given.length === 0 ? [now] : given, asked),
  });
  performance.now = () => now;
  promises.setTimeout = (<T>(ms: number, value: T) =>
    new Promise<T>((resolve) => start(false)(() => resolve(value), ms))) as typeof promises.setTimeout;
  syncBuiltinESMExports();

  return {
    now: () => now,
    pass(ms) {
      const until = now + ms;
      for (;;) {
        const due = [...timers].filter(({ endsAt }) => endsAt <= until);
        const next = due.sort((a, b) => a.endsAt - b.endsAt)[0];
        if (next === undefined) break;
        now = Math.max(now, next.endsAt);
        if (next.everyMs === null) timers.delete(next);
        else next.endsAt += next.everyMs * Math.max(1, Math.ceil((until + 1 - next.endsAt) / next.everyMs));
        next.run();
      }
      now = until;
    },
    restore() {
      Object.assign(globalThis, { setTimeout, setInterval, clearTimeout, clearInterval });
      globalThis.Date = OwnDate;
      Date.now = dateNow;
      Reflect.deleteProperty(performance, 'now');
      promises.setTimeout = pause;
      syncBuiltinESMExports();
    },
  };
}
