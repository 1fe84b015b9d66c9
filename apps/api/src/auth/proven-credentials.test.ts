import { expect, test } from 'vitest';
import { createProvenCredentials } from './proven-credentials.ts';

const HEADERS = { clientId: 'ci_live_1', clientSecret: 'cs_live_1', accessToken: 'at_live_1' };
const ME = { outcome: 'caller' };
const OTHER = { outcome: 'caller' };

function open(options: { most?: number; longest?: number } = {}) {
  const clock = { at: 0, now: () => clock.at };
  const proven = createProvenCredentials<object>({ most: 10, longest: 20, clock, ...options });
  const add = (headers: typeof HEADERS, accepted: object, until = 1_000) => {
    const { key } = proven.find(headers);
    proven.add(key ?? 'none', accepted, until);
  };
  return { clock, add, known: (headers: object) => proven.find({ ...HEADERS, ...headers }).known, proven };
}

test('finds what was added, by all three headers and by no other three', () => {
  const { add, known } = open();
  add(HEADERS, ME);
  add({ clientId: 'ci_live_2', clientSecret: 'cs_live_2', accessToken: 'at_live_2' }, OTHER);
  expect(known({})).toBe(ME);
  for (const headers of [
    { clientId: 'ci_live_2' },
    { clientSecret: 'cs_live_2' },
    { accessToken: 'at_live_2' },
    { clientId: 'cs_live_1', clientSecret: 'ci_live_1' },
    { clientId: 'ci_live_', clientSecret: '1cs_live_1' },
    { clientSecret: 'cs_live_1at', accessToken: '_live_1' },
    { accessToken: 'AT_LIVE_1' },
  ])
    expect(known(headers)).toBeUndefined();
});

test('finds it before its time is over, and never again', () => {
  const { add, known, clock } = open();
  add(HEADERS, ME, 500);
  clock.at = 499;
  expect(known({})).toBe(ME);
  clock.at = 500;
  expect(known({})).toBeUndefined();
  clock.at = 400;
  expect(known({})).toBeUndefined();
});

test('has no more entries than it may, and drops the one that was not used', () => {
  const { add, known } = open({ most: 2 });
  const one = (n: number) => ({ ...HEADERS, accessToken: `at_${n}` });
  add(one(1), ME);
  add(one(2), ME);
  expect(known(one(1))).toBe(ME);
  add(one(3), ME);
  expect([1, 2, 3].map((n) => known(one(n)) === ME)).toEqual([true, false, true]);
});

test('makes no key of headers that nobody can have: none, an empty one, an endless one', () => {
  const { proven } = open({ longest: 20 });
  for (const name of ['clientId', 'clientSecret', 'accessToken'])
    for (const value of [undefined, '', 'x'.repeat(21)])
      expect(proven.find({ ...HEADERS, [name]: value })).toEqual({ key: null, known: undefined });
});

test('keeps no header, and no hash that another process has', () => {
  const keys = [open(), open()].map(({ proven }) => proven.find(HEADERS).key);
  expect(new Set(keys).size).toBe(2);
  for (const key of keys) {
    expect(key).toHaveLength(44);
    for (const value of Object.values(HEADERS)) expect(key).not.toContain(value);
  }
});
