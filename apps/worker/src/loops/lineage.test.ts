import type { Logger } from '@emr-payments/runtime';
import { expect, test } from 'vitest';
import { waitForLineage } from './lineage.ts';

const nothing = () => undefined;
const logger: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };

test('a worker that starts during a failover waits for one that knows a mark, and decides by itself when none comes', async () => {
  const asked: (boolean | undefined)[] = [];
  const guard = {
    onOpen: async () => undefined,
    advance: async () => null,
    async begin(_deps: unknown, { mayWait }: { mayWait?: boolean }) {
      asked.push(mayWait);
      return mayWait !== true;
    },
  };
  const database = {} as Parameters<typeof waitForLineage>[0]['database'];
  const stopping = new AbortController();
  const waiting = waitForLineage(
    { database, guard, marks: null, logger },
    { stopping: stopping.signal, othersMs: 1 },
  );
  expect(await waiting).toBe(true);
  expect(asked).toEqual([true, false]);
});
