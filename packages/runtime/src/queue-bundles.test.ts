import { expect, test } from 'vitest';
import { bundleSize, entriesOf, packBundles, toBundle } from './queue-bundles.ts';

const entry = (n: number) => ({ job: String(n), fence: n });
const entries = (count: number) => Array.from({ length: count }, (_, n) => entry(n));

test('as few bundles as needed, each entry in one of them, and neighbours in different ones', () => {
  const bundles = packBundles(entries(101), { size: 50 });
  expect(bundles.map((bundle) => bundle.length)).toEqual([34, 34, 33]);
  expect(
    bundles
      .flat()
      .map(({ fence }) => fence)
      .sort((a, b) => a - b),
  ).toEqual(entries(101).map(({ fence }) => fence));
  expect(bundles.map(([first]) => first)).toEqual([entry(0), entry(1), entry(2)]);
  expect(packBundles([], { size: 50 })).toEqual([]);
});

test('a bundle has at most 50 entries, and at most a quarter of what a process works on', () => {
  expect([1, 2, 16, 128, 256, 2000].map(bundleSize)).toEqual([1, 1, 4, 32, 50, 50]);
});

test('a bundle of one looks as in earlier versions, and the first entry of a larger one is where it was', () => {
  expect(toBundle([{ ...entry(1), ...{ queuedAt: 5 } }])).toEqual({ job: '1', fence: 1 });
  expect(toBundle([entry(1), entry(2)])).toEqual({ job: '1', fence: 1, more: [{ job: '2', fence: 2 }] });
});

test('entries are read from both forms', () => {
  expect(entriesOf({ job: '7', fence: 0 })).toEqual({ entries: [{ job: '7', fence: 0 }], unreadable: 0 });
  expect(entriesOf(JSON.parse(JSON.stringify(toBundle([entry(1), entry(2), entry(3)]))))).toEqual({
    entries: [entry(1), entry(2), entry(3)],
    unreadable: 0,
  });
});

test.each([
  [null, 0, 1],
  ['text', 0, 1],
  [{}, 0, 1],
  [[entry(1)], 0, 1],
  [{ job: 7, fence: 0 }, 0, 1],
  [{ job: "1'; DROP TABLE jobs", fence: 0 }, 0, 1],
  // It would be claimed, and its row not found again.
  [{ job: '007', fence: 0 }, 0, 1],
  [{ job: '1', fence: '0' }, 0, 1],
  [{ job: '1', fence: 0.5 }, 0, 1],
  [{ job: '1', fence: 0, more: 'text' }, 1, 1],
  [{ job: '1', fence: 0, more: null }, 1, 1],
  [{ job: '1', fence: 0, more: [entry(2), null, { job: '' }, entry(3)] }, 3, 2],
  [{ more: [entry(2)] }, 1, 1],
])('of %j, %i entries are read and %i are not', (data, read, unreadable) => {
  const found = entriesOf(data);
  expect([found.entries.length, found.unreadable]).toEqual([read, unreadable]);
});
