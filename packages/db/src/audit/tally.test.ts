import { describe, expect, test } from 'vitest';
import {
  byActionAlone,
  type CountedAction,
  createTally,
  kindOf,
  type Tally,
  withoutActor,
  withoutSource,
} from './tally.ts';

const MINUTE = 60_000;
const clock = { now: 0 };

const tally = (options: { mostRows?: number; mostKept?: number } = {}): Tally =>
  createTally({
    forms: [(action) => action, withoutSource, byActionAlone],
    keyOf: kindOf,
    mostRows: 3,
    mostKept: 1_000,
    clock: () => clock.now,
    ...options,
  });

const read = (overrides: Partial<CountedAction> = {}): CountedAction => ({
  actor: 'client:ci_a',
  user: 'user_a',
  source: '192.0.2.1',
  action: 'payment.read',
  subject: 'user:user_a',
  outcome: 'done',
  ...overrides,
});
const sum = (rows: readonly { count: number }[]) => rows.reduce((total, { count }) => total + count, 0);

describe('a tally', () => {
  test('has one row for each client, user, source, action, outcome and minute', () => {
    clock.now = 5 * MINUTE;
    const counts = tally({ mostRows: 10 });
    for (const each of [
      {},
      {},
      { actor: 'client:ci_b' },
      { user: 'user_b' },
      { source: '::1' },
      { action: 'payment.list' },
      { outcome: 'failed' as const },
    ])
      counts.add(read(each));
    clock.now += MINUTE;
    counts.add(read());
    const rows = counts.takeAll();
    expect(rows.map(({ count, minute }) => [count, minute / MINUTE])).toEqual([
      [2, 5],
      ...Array.from({ length: 5 }, () => [1, 5]),
      [1, 6],
    ]);
    expect(rows[0]).toEqual({ ...read(), count: 2, minute: 5 * MINUTE });
    expect(counts.takeAll()).toEqual([]);
  });

  test('gives a row out soon after its first action, and the rest after the minute', () => {
    clock.now = 0;
    const counts = tally();
    counts.add(read());
    expect(counts.take()).toMatchObject([{ count: 1 }]);
    for (let n = 0; n < 500; n += 1) counts.add(read());
    expect(counts.take()).toEqual([]);
    counts.add(read({ source: '192.0.2.2' }));
    expect(counts.take()).toMatchObject([{ source: '192.0.2.2', count: 1 }]);
    clock.now = MINUTE;
    expect(counts.take()).toMatchObject([{ source: '192.0.2.1', count: 500, minute: 0 }]);
  });

  test('counts what could not be written again, in its minute', () => {
    clock.now = 0;
    const counts = tally();
    counts.add(read());
    const lost = counts.take();
    counts.add(read());
    counts.putBack(lost);
    expect(counts.take()).toMatchObject([{ count: 2 }]);
    counts.add(read());
    clock.now = 3 * MINUTE;
    const late = counts.take();
    counts.putBack(late);
    expect(counts.take()).toEqual(late);
    expect(late).toMatchObject([{ count: 1, minute: 0 }]);
  });

  test('counts everything in a bounded number of rows', () => {
    clock.now = 0;
    const counts = tally();
    for (let n = 0; n < 1_000; n += 1) {
      counts.add(read({ source: `10.0.0.${n}` }));
      counts.add(read({ actor: `client:ci_${n}`, source: `10.0.0.${n}` }));
    }
    const rows = counts.takeAll();
    expect(sum(rows)).toBe(2_000);
    // Three of each form with a limit, and one for the rest.
    expect(rows).toHaveLength(7);
    expect(rows.at(-1)).toMatchObject({
      actor: 'client:(several)',
      user: null,
      source: 'many',
      action: 'payment.read',
      subject: 'user:(several)',
    });
  });

  test('is bounded too while nothing can be written for many minutes', () => {
    const counts = tally({ mostRows: 100, mostKept: 50 });
    for (let n = 0; n < 100; n += 1) {
      clock.now = n * MINUTE;
      for (let source = 0; source < 20; source += 1) counts.add(read({ source: `10.0.0.${source}` }));
    }
    const rows = counts.takeAll();
    expect(sum(rows)).toBe(2_000);
    expect(rows.length).toBeLessThanOrEqual(50 + 100);
  });

  test('names a record only where all actions of the row had the same', () => {
    clock.now = 0;
    const counts = tally();
    const foreign = (id: string, owner: string) =>
      read({ action: 'tenant.refused', subject: `payment:${id}`, outcome: 'refused', detail: { owner } });
    counts.add(foreign('1', 'client:ci_b'));
    counts.add(foreign('1', 'client:ci_b'));
    expect(counts.take()).toMatchObject([
      { subject: 'payment:1', detail: { owner: 'client:ci_b' }, count: 2 },
    ]);
    counts.add(foreign('2', 'client:ci_b'));
    counts.add(foreign('3', 'client:ci_c'));
    expect(counts.takeAll()).toMatchObject([
      { subject: 'payment:(several)', detail: { owner: '(several)' }, count: 2 },
    ]);
  });
});

test('the actor is given up before the source where the actor is only claimed', () => {
  const counts = createTally({
    forms: [(action) => action, withoutActor, byActionAlone],
    keyOf: (subject) => subject,
    mostRows: 2,
    mostKept: 100,
    clock: () => 0,
  });
  for (let n = 0; n < 10; n += 1) counts.add(read({ actor: `client:ci_${n}` }));
  expect(counts.takeAll().map(({ actor, source, count }) => [actor, source, count])).toEqual([
    ['client:ci_0', '192.0.2.1', 1],
    ['client:ci_1', '192.0.2.1', 1],
    ['client:(several)', '192.0.2.1', 8],
  ]);
});
