import { ShareExceededError } from '@emr-payments/runtime';
import { afterAll, expect, onTestFinished, test, vi } from 'vitest';
import { openBulkheads } from './open-bulkheads.ts';

// Nothing is there: the shares make no connection.
const bulkheads = openBulkheads({
  url: 'postgresql://nobody@127.0.0.1:1/nothing',
  ...{ acceptPoolSize: 3, poolSize: 4, readPoolSize: 3, readTimeoutMs: 3_000 },
});
afterAll(() => bulkheads.close());

test('an import that finds all places taken by slow files of others has its turn when one of them ends', async () => {
  const { shares } = bulkheads.imports;
  const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const slow = [shares.run(1, () => first.promise), shares.run(2, () => second.promise)];
  const third = shares.run(3, async () => 'begun');
  // Clients that send the next file at once come after it.
  const again = shares.run(1, async () => 'again');
  await expect(shares.run(1, async () => 'too many')).rejects.toThrow(ShareExceededError);
  first.resolve();
  expect(await Promise.race([third, again])).toBe('begun');
  second.resolve();
  await Promise.all([...slow, again]);
});

test('a client that reads lists all the time gets one second, and then a quarter of the time; another one does not wait for it', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const read = () => new Promise<void>((resolve) => void setTimeout(resolve, 100));
  let reads = 0;
  const readOn = async (): Promise<void> => {
    while (performance.now() < 10_000) {
      await bulkheads.costly.run({ clientPk: 1 }, read);
      reads += 1;
    }
  };
  const reading = Promise.all([readOn(), readOn()]);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(reads).toBe(10 + 25);
  const other = bulkheads.costly.run({ clientPk: 2 }, read);
  await vi.advanceTimersByTimeAsync(100);
  await other;
  await vi.advanceTimersByTimeAsync(1_000);
  await reading;
});
