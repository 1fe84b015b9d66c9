import { expect, test } from 'vitest';
import type { Pace } from '../../pace.ts';
import { createApplicationLimit, PER_HOUR } from './limits.ts';
import { DrChronoProblem } from './problem.ts';

/** One minute before the top of an hour. */
const START = 3_600_000 * 1000 - 60_000;

function limited(limits: 'vendor' | 'raised' = 'vendor') {
  let time = START;
  const pace: Pace = { current: { limits, later_ms: 0 } };
  const limit = createApplicationLimit({ pace, now: () => time });
  const take = (clientId = 'app-1') => {
    try {
      limit.take(clientId);
      return null;
    } catch (error) {
      return error instanceof DrChronoProblem ? [error.status, error.body] : error;
    }
  };
  return {
    take,
    pass: (ms: number) => {
      time += ms;
    },
  };
}

test('an application that makes ten requests in a second is throttled', () => {
  const { take, pass } = limited();
  for (let call = 0; call < 9; call += 1) expect(take()).toBeNull();
  expect(take()).toEqual([429, { detail: 'Request was throttled. Expected available in 1 seconds.' }]);
  expect(take('app-2')).toBeNull();
  pass(1001);
  expect(take()).toBeNull();
});

test('500 requests are permitted in an hour of the clock', () => {
  const { take, pass } = limited();
  for (let call = 0; call < PER_HOUR; call += 1) {
    pass(112);
    expect(take()).toBeNull();
  }
  expect(take()).toEqual([429, { detail: 'Request was throttled. Expected available in 4 seconds.' }]);
  pass(4000);
  expect(take()).toBeNull();
});

test('raised limits are none', () => {
  const { take } = limited('raised');
  for (let call = 0; call < 2 * PER_HOUR; call += 1) expect(take()).toBeNull();
});
