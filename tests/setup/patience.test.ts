import { setTimeout as pause } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';

test('a wait without a limit of its own lasts longer than the second of vitest', async () => {
  const beganAt = performance.now();
  await vi.waitFor(() => expect(performance.now() - beganAt).toBeGreaterThan(1_500));
  await vi.waitUntil(() => performance.now() - beganAt > 3_000);
});

test('a wait with a limit of its own keeps it', async () => {
  const waits = [vi.waitFor(() => expect(1).toBe(2), 20), vi.waitUntil(() => false, { timeout: 20 })];
  const ended = Promise.allSettled(waits).then((results) => results.map(({ status }) => status));
  expect(await Promise.race([ended, pause(20_000)])).toEqual(['rejected', 'rejected']);
});
