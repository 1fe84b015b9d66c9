import { expect, test } from 'vitest';
import type { Received, Records, Requested, Try } from '../crash/records.ts';
import { traitsOf } from '../crash/traits.ts';
import { longestPause, measureEffects } from './measure.ts';

test('the longest pause is cut at both ends of the window', () => {
  const window = { from: 100, to: 200 };
  expect(longestPause([50, 110, 170, 190, 300], window)).toBe(60);
  expect(longestPause([90, 195], window)).toBe(95);
  expect(longestPause([110, 120, 300], window)).toBe(80);
  expect(longestPause([], window)).toBe(100);
});

const answer = (at: number, paymentId: string | null, status: number | null = 200): Try => ({
  status,
  paymentId,
  jobId: 1,
  replayed: false,
  retryAfter: false,
  at,
});
const requested = (...tries: Try[]): Requested => ({
  reference: `R${tries[0]?.at}`,
  emr: traitsOf('lookup'),
  endpoints: ['one'],
  patientMrn: 'MRN-1',
  amount: 1,
  paymentMethod: 'Card',
  location: '1404',
  locationName: '',
  methodIsKnown: true,
  tries,
});
const webhook = (at: number, paymentId: string, answered = 204): Received => ({
  endpoint: 'one',
  eventId: `evt_${paymentId}`,
  body: JSON.stringify({ id: 'evt', type: 'payment.created', data: { payment_id: paymentId } }),
  verified: true,
  answered,
  at,
});

test('an effect has what happened from its fault until the next one', () => {
  const records: Records = {
    requested: [
      requested(answer(900, 'a')),
      requested(answer(1_010, null, null), answer(1_020, null, 503), answer(1_500, 'b')),
      requested(answer(2_100, 'c')),
    ],
    ledger: [],
    takenOnly: [],
    received: [webhook(910, 'a'), webhook(1_550, 'b', 500), webhook(1_700, 'b'), webhook(2_110, 'c')],
    stored: [],
    transitions: [],
    outages: [],
    endedUnexpectedly: [],
  };
  const struck = [
    { name: 'first', at: 1_000, wholeAt: 1_900 },
    { name: 'second', at: 2_000, wholeAt: 2_050 },
  ];
  const connections = [
    { at: 1_100, count: 7 },
    { at: 1_200, count: 9 },
  ];
  expect(measureEffects({ records, struck, connections, endedAt: 2_200 })).toEqual([
    {
      ...struck[0],
      acceptPausedMs: 500,
      postPausedMs: 1_000,
      deliverPausedMs: 700,
      slowestMs: 200,
      unanswered: 1,
      notNow: 1,
      connections: 9,
    },
    {
      ...struck[1],
      acceptPausedMs: 100,
      postPausedMs: 200,
      deliverPausedMs: 110,
      slowestMs: 10,
      unanswered: 0,
      notNow: 0,
      connections: null,
    },
  ]);
});
