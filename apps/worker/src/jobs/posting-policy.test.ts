import { sentence } from '@emr-payments/contracts';
import type { RejectionEvidence } from '@emr-payments/db';
import type { Trouble } from '@emr-payments/emr';
import { expect, test } from 'vitest';
import { type LimitsAfter, limitsAfter, type Rejection } from './broken-login.ts';
import {
  farEndOf,
  farEndPause,
  lookUpDelay,
  POSTING_POLICY,
  postingDelay,
  rejectedAgain,
} from './posting-policy.ts';

const longest = (tries: number, retryAfterMs?: number) =>
  Math.max(...Array.from({ length: 500 }, () => postingDelay({ code: 'timeout', tries, retryAfterMs })));

test('the bound of the delay doubles with every try, up to ten minutes, and the whole of it is jitter', () => {
  for (const tries of [0, 1, 2, 3, 6, 9, 30]) {
    const bound = Math.min(POSTING_POLICY.longestDelayMs, 1_000 * 2 ** tries);
    expect(longest(tries)).toBeLessThanOrEqual(bound);
    expect(longest(tries)).toBeGreaterThan(bound * 0.9);
  }
  expect(
    Math.min(...Array.from({ length: 500 }, () => postingDelay({ code: 'timeout', tries: 9 }))),
  ).toBeLessThan(30_000);
});

test('a payment is never retried before its Retry-After, which counts for a day at most', () => {
  for (let n = 0; n < 100; n += 1)
    expect(postingDelay({ code: 'timeout', tries: 0, retryAfterMs: 30_000 })).toBeGreaterThanOrEqual(30_000);
  expect(longest(0, 10 * 24 * 3_600_000)).toBeLessThanOrEqual(24 * 3_600_000 + 1_000);
});

test('a rate limit pauses the connection; any other call without an answer counts as its failure', () => {
  expect(farEndOf({ code: 'rate_limited', sent: true })).toBe('throttling');
  expect(farEndOf({ code: 'connection_refused', sent: false })).toBe('failing');
  // The EMR answered the look-up, so it works.
  for (const code of ['settling', 'accepted', 'not_there_yet', 'token_renewed'])
    expect(farEndOf({ code, sent: false })).toBe('answering');
  // It refused one payment, or does not know its patient.
  for (const code of ['emr_refused', 'closed_period', 'unknown_patient'])
    expect(farEndOf({ code, sent: false })).toBe('answering');
  expect(farEndOf({ code: 'connection_misconfigured', sent: false })).toBe('failing');
  for (const code of ['unauthorized', 'login_required', 'token_not_available'])
    expect(farEndOf({ code, sent: false })).toBe('failing');
  // The answer to a look-up of this payment proves nothing about it. To a send it is a failure: the next one would be in doubt as well.
  for (const code of ['answer_not_understood', 'entry_unreadable', 'search_not_honoured']) {
    expect(farEndOf({ code, sent: false })).toBe('none');
    expect(farEndOf({ code, sent: true })).toBe('failing');
  }
  expect(farEndOf({ code: 'bad_answer', sent: false })).toBe('failing');
  // A fault of ours says nothing about the EMR, nor does a limit that our own calls have used up: it was not called.
  for (const code of ['our_fault', 'limit_used_up']) expect(farEndOf({ code, sent: false })).toBe('none');
});

test('an EMR that names no wait pauses a lane for a minute at most, however long the payment itself waits', () => {
  expect(farEndPause({ delayMs: 500 })).toBe(500);
  // A payment that was put off often, and a submitted one, wait up to a quarter of an hour.
  expect(farEndPause({ delayMs: 15 * 60_000 })).toBe(60_000);
  expect(farEndPause({ delayMs: 1, retryAfterMs: 3_600_000 })).toBe(3_600_000);
  expect(farEndPause({ delayMs: 1, retryAfterMs: 10 * 24 * 3_600_000 })).toBe(3_600_000);
  // A time that has passed, as for a clock that differs, says nothing.
  expect(farEndPause({ delayMs: 15 * 60_000, retryAfterMs: 0 })).toBe(60_000);
  expect(farEndPause({ delayMs: 500, retryAfterMs: 0 })).toBe(500);
});

test('a submitted payment is looked up ever less often, and once at its limit', () => {
  const day = 24 * 3_600_000;
  const looks: number[] = [];
  for (let at = 0; at < day; ) {
    at += lookUpDelay({ acceptedMs: at, confirmWithinMs: day });
    looks.push(at);
  }
  expect(looks[0]).toBeGreaterThanOrEqual(2_000);
  expect(looks[1]).toBeLessThan(10_000);
  expect(looks.at(-1)).toBe(day);
  expect(looks.length).toBeLessThan(130);
  expect(lookUpDelay({ acceptedMs: 0, confirmWithinMs: day, retryAfterMs: 30_000 })).toBe(30_000);
});

test('the wait of a limit of requests is kept however often the payment has been put off', () => {
  const delays = (retryAfterMs: number) =>
    Array.from({ length: 500 }, () => postingDelay({ code: 'rate_limited', tries: 20, retryAfterMs }));
  for (const delay of delays(40_000)) {
    expect(delay).toBeGreaterThanOrEqual(40_000);
    expect(delay).toBeLessThanOrEqual(80_000);
  }
  // A limit that names no wait, or one of 0, is waited for as any other trouble.
  const unnamed = Array.from({ length: 500 }, () => postingDelay({ code: 'rate_limited', tries: 9 }));
  for (const each of [unnamed, delays(0)]) expect(Math.max(...each)).toBeGreaterThan(60_000);
});

test('with a renewed token a payment is sent again at once, and one that is rejected again is a broken login', () => {
  const renewed: Trouble = { code: 'token_renewed', detail: sentence`It was renewed.`, retryAfterMs: 0 };
  for (let n = 0; n < 200; n += 1) expect(postingDelay({ ...renewed, tries: 20 })).toBeLessThanOrEqual(250);
  // After a broken login the stored token may just be old: the renewed one is tried.
  for (const lastCode of [null, 'timeout', 'rate_limited', 'unauthorized'])
    expect(rejectedAgain(renewed, { lastCode })).toBe(renewed);
  const again = rejectedAgain(renewed, { lastCode: 'token_renewed' });
  expect(postingDelay({ ...again, tries: 0 })).toBeLessThanOrEqual(1_000);
  const other: Trouble = { code: 'timeout', detail: sentence`It was late.` };
  expect(rejectedAgain(other, { lastCode: 'token_renewed' })).toBe(other);
});

test.each<[Rejection, RejectionEvidence, LimitsAfter]>([
  ['stops', { acceptedSince: false, proven: false }, 'waits'],
  ['stops', { acceptedSince: true, proven: true }, 'waits'],
  ['unknown', { acceptedSince: true, proven: true }, 'begins_again'],
  ['unknown', { acceptedSince: false, proven: false }, 'begins_again'],
  ['goes_on', { acceptedSince: false, proven: false }, 'begins_again'],
  ['goes_on', { acceptedSince: false, proven: true }, 'runs'],
  ['goes_on', { acceptedSince: true, proven: false }, 'may_end'],
  ['goes_on', { acceptedSince: true, proven: true }, 'may_end'],
])('a rejection that %s, with the evidence %j: the horizon %s', (rejection, evidence, expected) => {
  expect(limitsAfter(rejection, evidence)).toBe(expected);
});

test('a dialect that confirms within minutes is looked up a dozen times, and once at its limit', () => {
  const limit = 5 * 60_000;
  const looks: number[] = [];
  for (let at = 0; at < limit; ) {
    at += lookUpDelay({ acceptedMs: at, confirmWithinMs: limit });
    looks.push(at);
  }
  expect(looks.at(-1)).toBe(limit);
  expect(looks.length).toBeGreaterThan(8);
  expect(looks.length).toBeLessThan(20);
  // Past the limit only a broken login keeps it open, and that is not looked up without a pause.
  expect(lookUpDelay({ acceptedMs: limit + 1, confirmWithinMs: limit })).toBeGreaterThan(100_000);
});
