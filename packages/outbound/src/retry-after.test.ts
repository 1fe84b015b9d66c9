import { expect, test } from 'vitest';
import { MAX_RETRY_AFTER_MS, parseRetryAfter } from './retry-after.ts';

const now = new Date('1994-11-06T08:49:07Z');
const SECOND = 1000;
const DAY = 24 * 60 * 60 * SECOND;

test('the bound is a day', () => {
  expect(MAX_RETRY_AFTER_MS).toBe(DAY);
});

test.each([
  ['seconds', '120', 120 * SECOND],
  ['seconds with decimals, rounded up', '1.0005', 1001],
  ['nothing to wait', '0', 0],
  ['blanks around it', ' 5 ', 5 * SECOND],
  ['a date', 'Sun, 06 Nov 1994 08:49:37 GMT', 30 * SECOND],
  ['a date in UTC', 'Sun, 06 Nov 1994 08:49:37 UTC', 30 * SECOND],
  ['a date with an offset', 'Sun, 06 Nov 1994 10:49:37 +0200', 30 * SECOND],
  ['a date with a day of one digit', 'Sun, 6 Nov 1994 08:49:37 GMT', 30 * SECOND],
  ['the date of RFC 850', 'Sunday, 06-Nov-94 08:49:37 GMT', 30 * SECOND],
  ['the date of asctime, which means UTC', 'Sun Nov  6 08:49:37 1994', 30 * SECOND],
  ['a date that has passed', 'Sun, 06 Nov 1994 08:00:00 GMT', 0],
  ['a year of seconds: a day', '31536000', DAY],
  ['a date next year: a day', 'Mon, 06 Nov 1995 08:49:37 GMT', DAY],
  ['a date in eleven years: a day', 'Sun, 06 Nov 2005 08:49:37 GMT', DAY],
  ['more digits than a number holds: a day', '9'.repeat(400), DAY],
])('%s', (_, value, ms) => {
  expect(parseRetryAfter({ 'retry-after': value }, now)).toBe(ms);
});

test.each([
  undefined,
  '',
  'soon',
  '-5',
  '-1.5',
  '1.',
  '1.5.2',
  '1e9',
  '5, 7',
  '12 s',
  '7 apples',
  'Monday or so',
  'Mon 5',
  '1994-11-06',
  'Sun, 99 Nov 1994 08:49:37 GMT',
])('%j cannot be read', (value) => {
  expect(parseRetryAfter({ 'retry-after': value }, now)).toBeUndefined();
});

test("a date is compared with the answer's own, not with our clock", () => {
  const date = 'Sun, 06 Nov 1994 08:49:37 GMT';
  const read = (own: string) => parseRetryAfter({ 'retry-after': date, date: own }, now);
  // Their clock is ten minutes ahead of ours, or behind it.
  expect(read('Sun, 06 Nov 1994 08:39:37 GMT')).toBe(600 * SECOND);
  expect(read('Sun, 06 Nov 1994 08:49:35 GMT')).toBe(2 * SECOND);
  expect(read('today')).toBe(30 * SECOND);
  expect(parseRetryAfter({ 'retry-after': '120', date: 'Sun, 06 Nov 1994 08:39:37 GMT' }, now)).toBe(
    120 * SECOND,
  );
});
