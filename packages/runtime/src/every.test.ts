import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { every } from './every.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'setInterval', 'clearTimeout', 'clearInterval'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A `run` whose calls end when the test says so. */
function controlledRun() {
  const calls: (PromiseWithResolvers<void> & { signal: AbortSignal })[] = [];
  const run = vi.fn((signal: AbortSignal) => {
    const call = { ...Promise.withResolvers<void>(), signal };
    calls.push(call);
    return call.promise;
  });
  return { run, calls };
}
const onError = vi.fn();
const passTime = (ms: number) => vi.advanceTimersByTimeAsync(ms);

test('runs once in each interval, the first time after one interval', async () => {
  const run = vi.fn(async () => undefined);
  const loop = every({ run, onError }, { intervalMs: 100 });
  await passTime(99);
  expect(run).toHaveBeenCalledTimes(0);
  await passTime(1);
  expect(run).toHaveBeenCalledTimes(1);
  await passTime(300);
  expect(run).toHaveBeenCalledTimes(4);
  await loop.stop();
});

test('the delay before the first run can differ from the interval', async () => {
  const run = vi.fn(async () => undefined);
  const loop = every({ run, onError }, { intervalMs: 1_000, firstAfterMs: 10 });
  await passTime(10);
  expect(run).toHaveBeenCalledTimes(1);
  await passTime(999);
  expect(run).toHaveBeenCalledTimes(1);
  await passTime(1);
  expect(run).toHaveBeenCalledTimes(2);
  await loop.stop();
});

test('a tick during a run is dropped', async () => {
  const { run, calls } = controlledRun();
  const loop = every({ run, onError }, { intervalMs: 100 });
  await passTime(350);
  expect(run).toHaveBeenCalledTimes(1);
  calls[0]?.resolve();
  await passTime(49);
  expect(run).toHaveBeenCalledTimes(1);
  await passTime(1);
  expect(run).toHaveBeenCalledTimes(2);
  calls[1]?.resolve();
  await loop.stop();
});

test('wake runs at once; any number of calls during a run make one more', async () => {
  const { run, calls } = controlledRun();
  const loop = every({ run, onError }, { intervalMs: 100 });
  loop.wake();
  await passTime(0);
  expect(run).toHaveBeenCalledTimes(1);
  loop.wake();
  loop.wake();
  await passTime(0);
  expect(run).toHaveBeenCalledTimes(1);
  calls[0]?.resolve();
  await passTime(0);
  expect(run).toHaveBeenCalledTimes(2);
  calls[1]?.resolve();
  await passTime(0);
  expect(run).toHaveBeenCalledTimes(2);
  await loop.stop();
});

test('a run may wake its own loop', async () => {
  let left = 3;
  const run = vi.fn(async () => {
    left -= 1;
    if (left > 0) loop.wake();
  });
  const loop = every({ run, onError }, { intervalMs: 100 });
  loop.wake();
  await passTime(0);
  expect(run).toHaveBeenCalledTimes(3);
  await loop.stop();
});

test('an error goes to onError, and the loop runs again at the next tick, not before', async () => {
  const errors: unknown[] = [];
  const run = vi.fn(async () => {
    loop.wake();
    throw new Error('no database');
  });
  const loop = every({ run, onError: (error) => errors.push(error) }, { intervalMs: 100 });
  await passTime(199);
  expect(run).toHaveBeenCalledTimes(1);
  await passTime(1);
  expect(run).toHaveBeenCalledTimes(2);
  expect(errors).toEqual([new Error('no database'), new Error('no database')]);
  await loop.stop();
});

test('stop aborts the signal, waits for the run in hand, and nothing runs after it', async () => {
  const { run, calls } = controlledRun();
  const loop = every({ run, onError }, { intervalMs: 100 });
  await passTime(100);
  let stopped = false;
  const stopping = loop.stop().then(() => {
    stopped = true;
  });
  loop.wake();
  await passTime(0);
  expect(calls[0]?.signal.aborted).toBe(true);
  expect(stopped).toBe(false);
  calls[0]?.resolve();
  await stopping;
  loop.wake();
  await passTime(1_000);
  expect(run).toHaveBeenCalledTimes(1);
});

test('stop before the first run: it never runs', async () => {
  const { run } = controlledRun();
  const loop = every({ run, onError }, { intervalMs: 100, firstAfterMs: 10 });
  await loop.stop();
  await passTime(1_000);
  expect(run).not.toHaveBeenCalled();
});

test('the same trouble is news once in five minutes, another is news at once, and so is the same after a run that ended well', async () => {
  let trouble: string | undefined = 'no database';
  const news: unknown[] = [];
  const run = vi.fn(async () => {
    if (trouble !== undefined) throw new Error(trouble);
  });
  const report = vi.fn((error: unknown, isNews: boolean) => isNews && news.push(String(error)));
  vi.useFakeTimers();
  const loop = every({ run, onError: report }, { intervalMs: 1_000 });
  await passTime(300_000);
  expect(report).toHaveBeenCalledTimes(300);
  expect(news).toEqual(['Error: no database']);
  await passTime(1_000);
  expect(news).toEqual(['Error: no database', 'Error: no database']);
  trouble = 'no rights';
  await passTime(2_000);
  expect(news.slice(2)).toEqual(['Error: no rights']);
  trouble = undefined;
  await passTime(1_000);
  trouble = 'no rights';
  await passTime(2_000);
  expect(news.slice(3)).toEqual(['Error: no rights']);
  await loop.stop();
});
