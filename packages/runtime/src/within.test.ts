import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { LateError, within } from './within.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

test('gives the result or the error of work that ends in time, and leaves no timer', async () => {
  await expect(within(100, Promise.resolve(7))).resolves.toBe(7);
  const fault = new Error('refused');
  await expect(within(100, Promise.reject(fault))).rejects.toBe(fault);
  expect(vi.getTimerCount()).toBe(0);
});

test('throws LateError when the time is up, and ignores an error that comes later', async () => {
  const work = Promise.withResolvers<void>();
  const bounded = within(100, work.promise);
  const late = expect(bounded).rejects.toThrow(new LateError('not done in 100 ms'));
  await vi.advanceTimersByTimeAsync(100);
  await late;
  work.reject(new Error('too late to matter'));
  await expect(bounded).rejects.toBeInstanceOf(LateError);
});
