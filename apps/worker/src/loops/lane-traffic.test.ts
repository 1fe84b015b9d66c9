import { expect, test } from 'vitest';
import { attemptEnd, createLaneTraffic } from './lane-traffic.ts';

const NOTHING = { delivered: 0, deliveredMs: 0, failed: 0, refused: 0, busyMs: 0 };

function open() {
  let time = 0;
  const traffic = createLaneTraffic({ now: () => time });
  return { traffic, pass: (ms: number) => (time += ms) };
}

test('what is under way is counted for the time that it was, in the sample in which it was', () => {
  const { traffic, pass } = open();
  const first = traffic.begin(1);
  pass(300);
  const second = traffic.begin(1);
  pass(100);
  expect([...traffic.take()]).toEqual([[1, { ...NOTHING, busyMs: 500, underWay: 2, old: 0 }]]);
  pass(50);
  first('delivered');
  pass(50);
  second('failed');
  pass(50);
  expect([...traffic.take()]).toEqual([
    [1, { delivered: 1, deliveredMs: 450, failed: 1, refused: 0, busyMs: 150, underWay: 0, old: 0 }],
  ]);
  expect(traffic.take().size).toBe(0);
});

test('an attempt is old after a second, and lanes are counted apart', () => {
  const { traffic, pass } = open();
  traffic.begin(1);
  pass(600);
  const other = traffic.begin(2);
  pass(401);
  other('refused');
  expect([...traffic.take()]).toEqual([
    [1, { ...NOTHING, busyMs: 1_001, underWay: 1, old: 1 }],
    [2, { ...NOTHING, busyMs: 401, failed: 1, refused: 1, underWay: 0, old: 0 }],
  ]);
});

test('a sample that was put back is part of the next one, and an end that says nothing is not counted', () => {
  const { traffic, pass } = open();
  const ended = traffic.begin(1);
  pass(10);
  ended('delivered');
  for (const [laneId, sample] of traffic.take()) traffic.putBack(laneId, sample);
  const none = traffic.begin(1);
  pass(5);
  none('none');
  expect([...traffic.take()]).toEqual([
    [1, { ...NOTHING, delivered: 1, deliveredMs: 10, busyMs: 15, underWay: 0, old: 0 }],
  ]);
});

const SEEN = { durationMs: 1, excerpt: '', detail: '' };
test.each([
  [{ outcome: 'delivered', httpStatus: 204, ...SEEN }, 'delivered'],
  [{ outcome: 'failed', kind: 'http_status', httpStatus: 500, ...SEEN }, 'failed'],
  [{ outcome: 'failed', kind: 'http_status', httpStatus: 429, ...SEEN }, 'refused'],
  [{ outcome: 'failed', kind: 'http_status', httpStatus: 503, ...SEEN }, 'refused'],
  [{ outcome: 'failed', kind: 'timeout', ...SEEN }, 'failed'],
  [{ outcome: 'failed', kind: 'reset', ...SEEN }, 'failed'],
  [{ outcome: 'gone', httpStatus: 410, ...SEEN }, 'failed'],
  [{ outcome: 'failed', kind: 'canceled', ...SEEN }, 'none'],
  [{ outcome: 'failed', kind: 'address_refused', ...SEEN }, 'none'],
] as const)('%o is %s', (sent, end) => {
  expect(attemptEnd(sent)).toBe(end);
});
