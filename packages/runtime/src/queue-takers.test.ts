import { expect, test, vi } from 'vitest';
import { createLogger } from './logger.ts';
import type { DueEntry } from './queue-bundles.ts';
import { openTakers, type TakenEntry } from './queue-takers.ts';

/** Takers whose entries are claimed and end when the test says so. */
function openScene({ concurrency }: { concurrency: number }) {
  type Begun = { claim(): void; leave(): boolean | undefined; end(): void; fail(error: Error): void };
  const begun = new Map<string, Begun>();
  const handedBack: DueEntry[] = [];
  const logger = createLogger('test', 'silent');
  const warned = vi.spyOn(logger, 'warn');
  const handler = ({ job, onClaimed, leavePlace }: TakenEntry) => {
    const work = Promise.withResolvers<void>();
    begun.set(job, {
      claim: () => onClaimed?.(),
      leave: () => leavePlace?.(),
      end: work.resolve,
      fail: work.reject,
    });
    return work.promise.finally(() => begun.delete(job));
  };
  const handBack = async (entries: DueEntry[]) => void handedBack.push(...entries);
  const takers = openTakers({ handler, handBack, logger }, { concurrency });
  return {
    takers,
    handedBack,
    warned,
    underWork: () => [...begun.keys()],
    at: (job: number) => begun.get(String(job)) ?? expect.fail(`${job} is not under work`),
    /** Gives a bundle to a taker. */
    take(jobs: number[], bundle: object = {}) {
      const [first, ...more] = jobs.map((job) => ({ job: String(job), fence: 0 }));
      const state = { over: false };
      const over = takers.process({ data: { ...first, more, ...bundle }, timestamp: 77 }).then(() => {
        state.over = true;
      });
      return { over, state };
    },
  };
}

/** Everything that is due in this turn of the event loop has happened. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

test('entries for which there is room are begun in one turn, and the bundle is over once all are claimed', async () => {
  const { take, takers, underWork, at } = openScene({ concurrency: 64 });
  const { over, state } = take([1, 2, 3]);
  expect(underWork()).toEqual(['1', '2', '3']);
  at(1).claim();
  at(2).claim();
  await turn();
  expect(state.over).toBe(false);
  at(3).claim();
  await over;
  // None of them has ended: the bundle is not held by the slowest far end.
  expect(underWork()).toEqual(['1', '2', '3']);
  let idle = false;
  void takers.idle().then(() => {
    idle = true;
  });
  at(1).end();
  at(2).end();
  await turn();
  expect(idle).toBe(false);
  at(3).end();
  await vi.waitFor(() => expect(idle).toBe(true), { timeout: 20_000 });
});

test('one entry that cannot be claimed costs the others nothing', async () => {
  const { take, underWork, at } = openScene({ concurrency: 64 });
  const { over } = take([1, 2, 3]);
  at(2).fail(new Error('PostgreSQL is away'));
  at(1).claim();
  // Nothing was claimed: the job has ended, or the entry was there twice.
  at(3).end();
  await over;
  expect(underWork()).toEqual(['1']);
  at(1).end();
});

test('concurrency counts entries, over all bundles', async () => {
  const { take, takers, underWork, at } = openScene({ concurrency: 16 });
  expect(takers.count).toBe(2);
  const jobs = Array.from({ length: 12 }, (_, n) => n + 1);
  const [one, two] = [take(jobs), take(jobs.map((job) => job + 100))];
  await turn();
  // The second taker began with one place; the first took what else was free.
  expect(underWork()).toHaveLength(16);
  for (const job of underWork()) at(Number(job)).claim();
  await turn();
  expect([one.state.over, two.state.over]).toEqual([false, false]);
  // An entry that waits goes before a taker that wants its next bundle.
  for (const ended of [1, 2, 3]) {
    at(ended).end();
    await turn();
    expect(underWork()).toHaveLength(16);
  }
  while (!two.state.over) {
    for (const job of underWork()) {
      at(Number(job)).claim();
      at(Number(job)).end();
    }
    await turn();
  }
  await one.over;
});

test('a taker takes the next bundle only when it has a place for its first entry', async () => {
  const { take, takers, at } = openScene({ concurrency: 1 });
  expect(takers.count).toBe(1);
  const { over, state } = take([1]);
  at(1).claim();
  await turn();
  expect(state.over).toBe(false);
  at(1).end();
  await over;
});

test('when it is stopped, entries that wait for a place go back to the queue, and those under work end', async () => {
  const { take, takers, underWork, at, handedBack } = openScene({ concurrency: 2 });
  const { over } = take([1, 2, 3, 4]);
  expect(underWork()).toEqual(['1', '2']);
  takers.stop();
  at(1).claim();
  at(2).end();
  await over;
  // With the time at which the bundle was queued: they keep their age.
  expect(handedBack).toEqual([
    { job: '3', fence: 0, queuedAt: 77 },
    { job: '4', fence: 0, queuedAt: 77 },
  ]);
  const idle = takers.idle();
  at(1).end();
  await idle;
  expect(underWork()).toEqual([]);
});

test('what is no entry is reported and costs the others nothing', async () => {
  const { take, underWork, at, warned } = openScene({ concurrency: 64 });
  const { over } = take([1], { more: [null, { job: '2', fence: 0 }] });
  expect(underWork()).toEqual(['1', '2']);
  expect(warned).toHaveBeenCalledWith({ count: 1 }, 'the queue held something that is no entry');
  at(1).end();
  at(2).end();
  await over;
});

test('a bundle that arrives after the stop is handed back whole, and none of its entries is begun', async () => {
  const { take, takers, handedBack, underWork, at } = openScene({ concurrency: 1 });
  const first = take([1]);
  at(1).claim();
  await turn();
  // The taker waits for the place that its entry has, and the stop sends it on without one.
  takers.stop();
  await first.over;
  await take([2, 3]).over;
  expect(underWork()).toEqual(['1']);
  expect(handedBack).toEqual([
    { job: '2', fence: 0, queuedAt: 77 },
    { job: '3', fence: 0, queuedAt: 77 },
  ]);
  at(1).end();
  await takers.idle();
});

test('work that does not come through the queue takes a place like an entry', async () => {
  const { take, takers, underWork, at } = openScene({ concurrency: 3 });
  const unused = takers.takePlace();
  const used = takers.takePlace();
  // The third place is the taker's.
  expect(takers.takePlace()).toBeNull();
  const { state } = take([1, 2]);
  expect(underWork()).toEqual(['1']);
  at(1).claim();
  await turn();
  unused?.giveBack();
  await turn();
  expect(underWork()).toEqual(['1', '2']);

  const work = Promise.withResolvers<void>();
  used?.use(() => work.promise);
  used?.giveBack();
  at(2).claim();
  await turn();
  expect(state.over).toBe(false);
  work.reject(new Error('PostgreSQL is away'));
  await turn();
  expect(state.over).toBe(true);
});

test('a process that stops gives no place, and waits for those that are taken', async () => {
  const { takers } = openScene({ concurrency: 64 });
  const place = takers.takePlace();
  takers.stop();
  expect(takers.takePlace()).toBeNull();
  let idle = false;
  void takers.idle().then(() => {
    idle = true;
  });
  // Its settlement ends only now, and the delivery that was claimed with it is sent.
  const work = Promise.withResolvers<void>();
  place?.use(() => work.promise);
  await turn();
  expect(idle).toBe(false);
  work.resolve();
  await vi.waitFor(() => expect(idle).toBe(true), { timeout: 20_000 });
});

test('an entry that has left its place goes on beside the others, three for each place', async () => {
  const { take, takers, underWork, at } = openScene({ concurrency: 1 });
  for (const job of [1, 2, 3]) {
    const { over } = take([job]);
    at(job).claim();
    expect([at(job).leave(), at(job).leave()]).toEqual([true, false]);
    await over;
  }
  const last = take([4]);
  at(4).claim();
  expect(at(4).leave()).toBe(false);
  await turn();
  expect([underWork(), last.state.over]).toEqual([['1', '2', '3', '4'], false]);

  // The end of one that has left gives back what it had: room beside the places, and no place.
  at(1).end();
  await turn();
  expect(last.state.over).toBe(false);
  expect(at(4).leave()).toBe(true);
  await last.over;
  const { over } = take([5]);
  at(5).claim();
  at(5).end();
  await over;

  takers.stop();
  const idle = takers.idle();
  for (const job of [2, 3, 4]) at(job).end();
  await idle;
});

test('work that does not come through the queue can leave its place, too', async () => {
  const { takers } = openScene({ concurrency: 2 });
  const work = Promise.withResolvers<void>();
  const left: boolean[] = [];
  takers.takePlace()?.use((leavePlace) => {
    left.push(leavePlace());
    return work.promise;
  });
  expect(left).toEqual([true]);
  const again = takers.takePlace();
  expect(again).not.toBeNull();
  work.resolve();
  await turn();
  expect(takers.takePlace()).toBeNull();
  again?.giveBack();
  await takers.idle();
});

test('of the entries that an outage stops one is logged as a warning, and the first one of the next outage', async () => {
  const { take, at, warned } = openScene({ concurrency: 64 });
  const { over } = take([1, 2, 3, 4]);
  at(1).fail(new Error('away'));
  at(2).fail(new Error('away'));
  await turn();
  expect(warned.mock.calls.map(([fields]) => fields)).toMatchObject([{ job_id: '1' }]);
  at(3).end();
  await turn();
  at(4).fail(new Error('away'));
  await over;
  expect(warned.mock.calls.map(([fields]) => fields)).toMatchObject([{ job_id: '1' }, { job_id: '4' }]);
});
