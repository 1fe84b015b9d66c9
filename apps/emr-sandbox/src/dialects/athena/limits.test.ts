import { expect, test } from 'vitest';
import { createCredentials } from '../../credentials.ts';
import type { Pace } from '../../pace.ts';
import { GatewayError } from './athena-error.ts';
import { CALLS_PER_SECOND, createLimits, DAILY_CALLS } from './limits.ts';
import { createTokens } from './tokens.ts';

const MIDNIGHT = Date.UTC(2026, 5, 15);

function limitsAt(limits: 'vendor' | 'raised') {
  const clock = { at: MIDNIGHT };
  const pace: Pace = { current: { limits, later_ms: 0 } };
  return { clock, ...createLimits({ pace, now: () => clock.at }) };
}
const refusal = (act: () => unknown) => {
  try {
    act();
    return null;
  } catch (error) {
    return error instanceof GatewayError ? [error.status, error.message, error.retryAfterSeconds] : error;
  }
};

test('an app has so many calls a second, over all practices, and each app its own', () => {
  const { call } = limitsAt('vendor');
  for (let made = 0; made < CALLS_PER_SECOND; made += 1) call('a');
  expect(refusal(() => call('a'))).toEqual([429, 'Developer Over Rate', 1]);
  expect(refusal(() => call('b'))).toBeNull();
});

test('the quota of a day is said with each call, and is whole again at midnight GMT', () => {
  const { call, clock } = limitsAt('vendor');
  clock.at += 1000;
  expect(call('a')).toEqual({ limit: DAILY_CALLS, remaining: DAILY_CALLS - 1 });
  for (let made = 1; made < DAILY_CALLS; made += 1) {
    clock.at += 10;
    call('a');
  }
  clock.at = MIDNIGHT + 86_400_000 - 5000;
  expect(refusal(() => call('a'))).toEqual([429, 'Developer Over Quota', 5]);
  clock.at += 5000;
  expect(call('a').remaining).toBe(DAILY_CALLS - 1);
});

test('raised limits refuse nothing', () => {
  const { call, token } = limitsAt('raised');
  for (let made = 0; made < 500; made += 1) call('a');
  for (let made = 0; made < 60; made += 1) token('a');
  expect(token('a')).toEqual({ limit: 50, remaining: 0 });
});

test('a token is good for an hour', () => {
  const clock = { at: MIDNIGHT };
  const tokens = createTokens({ credentials: createCredentials('s3cret'), now: () => clock.at });
  const token = tokens.issue('a');
  clock.at += 3_600_000 - 1;
  expect(tokens.clientOf(token)).toBe('a');
  clock.at += 1;
  expect(tokens.clientOf(token)).toBeUndefined();
});
