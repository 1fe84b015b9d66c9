import { expect, test } from 'vitest';
import { FAULT_KINDS, planFaults } from './plan-faults.ts';

const minute = { durationMs: 60_000, withRedis: true, withForeign: true };

test('the same seed gives the same faults at the same times', () => {
  expect(planFaults({ seed: 7, ...minute })).toEqual(planFaults({ seed: 7, ...minute }));
  expect(planFaults({ seed: 7, ...minute })).not.toEqual(planFaults({ seed: 8, ...minute }));
});

test('a minute has every kind of fault, except those of Redis when there is no Redis', () => {
  const kinds = new Set(planFaults({ seed: 1, ...minute }).map((fault) => fault.kind));
  expect([...kinds].sort()).toEqual([...FAULT_KINDS].sort());
  const onPostgres = planFaults({ seed: 1, durationMs: 60_000, withRedis: false, withForeign: false });
  expect(onPostgres.filter((fault) => fault.target === 'redis')).toEqual([]);
});

test('a target has one fault at a time, and all faults end within the run', () => {
  const faults = planFaults({ seed: 3, ...minute });
  for (const [index, fault] of faults.entries()) {
    const next = faults.slice(index + 1).find((later) => later.target === fault.target);
    if (next !== undefined) expect(next.atMs).toBeGreaterThan(fault.atMs + fault.lastsMs);
    expect(fault.atMs + fault.lastsMs).toBeLessThanOrEqual(60_000);
  }
});

test('the last fault comes when every other one is over, and is one of a server that stays up', () => {
  const lastKinds = new Set<string>();
  for (let seed = 1; seed <= 200; seed += 1) {
    const faults = planFaults({ seed, ...minute });
    const last = faults.at(-1);
    for (const { atMs, lastsMs } of faults.slice(0, -1)) expect(atMs + lastsMs).toBeLessThan(last?.atMs ?? 0);
    lastKinds.add(last?.kind ?? '');
  }
  expect(lastKinds.size).toBe(7);
  expect(lastKinds).not.toContain('PostgreSQL dropped and restarted');
});
