import { describe, expect, test } from 'vitest';
import { check } from './check.ts';
import type { Asked, LedgerEntry, Received, Records, Stored, Transition, Try } from './records.ts';
import type { Rule } from './rules.ts';

const ID = '0000000000000000000000000000000a';
const OTHER_ID = '0000000000000000000000000000000b';

const answered: Try = { status: 200, paymentId: ID, jobId: 5, replayed: false, retryAfter: false };
const unanswered: Try = { status: null, paymentId: null, jobId: null, replayed: false, retryAfter: false };

const asked: Asked = {
  reference: 'R1',
  capability: 'lookup',
  endpoints: ['one', 'two'],
  patientMrn: 'MRN-1',
  amount: 12.5,
  paymentMethod: 'Card',
  location: '1404',
  methodIsKnown: true,
  tries: [answered],
};
const entry: LedgerEntry = {
  emr_transaction_id: '77',
  payment_id: ID,
  reference_number: 'R1',
  patient_mrn: 'MRN-1',
  amount: 12.5,
  payment_method: 'Card',
  location: '1404',
};
const eventBody = (type: string, more: object = {}, id = 'evt_1') =>
  JSON.stringify({ id, type, job_id: '5', data: { payment_id: ID, ...more } });
const createdBody = (id = 'evt_1', transactionId = '77') =>
  eventBody(
    'payment.created',
    { emr_transaction_id: transactionId, reference_number: 'R1', amount: 12.5 },
    id,
  );
const got = (endpoint: string, body = createdBody(), eventId = 'evt_1'): Received => ({
  endpoint,
  eventId,
  body,
  verified: true,
  answered: 204,
  at: 0,
});
const stored: Stored = { id: ID, reference: 'R1', status: 'posted', emrTransactionId: '77' };
const life = (...states: string[]): Transition[] =>
  states.map((to, index) => ({ paymentId: ID, from: states[index - 1] ?? null, to }));

const good: Records = {
  asked: [asked],
  ledger: [entry],
  received: [got('one'), got('two'), got('two')],
  stored: [stored],
  transitions: life('accepted', 'posting', 'posting', 'retrying', 'posting', 'posted'),
  diedAlone: [],
};
const failedBody = eventBody('payment.failed', { failure_reason: 'No such method' });
const failed: Records = {
  asked: [{ ...asked, paymentMethod: 'Seashells', methodIsKnown: false }],
  ledger: [],
  received: [got('one', failedBody), got('two', failedBody)],
  stored: [{ ...stored, status: 'failed', emrTransactionId: null }],
  transitions: life('accepted', 'posting', 'failed'),
  diedAlone: [],
};
const reviewBody = eventBody('payment.review_required', { review_reason: 'Nobody knows' });
const review: Records = {
  ...good,
  asked: [{ ...asked, capability: 'none' }],
  received: [got('one', reviewBody), got('two', reviewBody)],
  stored: [{ ...stored, status: 'needs_review', emrTransactionId: null }],
  transitions: life('accepted', 'posting', 'needs_review'),
};
const gaveUp: Records = {
  asked: [{ ...asked, tries: [unanswered] }],
  ledger: [],
  received: [],
  stored: [],
  transitions: [],
  diedAlone: [],
};

describe('nothing is wrong with', () => {
  test.each<[string, Records]>([
    ['a posted payment, its event repeated', good],
    ['a failed payment', failed],
    ['a payment that needs a review, in the ledger once', review],
    ['one that needs a review and is not in the ledger', { ...review, ledger: [] }],
    ['a client that gave up on a payment that was not taken', gaveUp],
    ['a client that gave up on one that was', { ...good, asked: [{ ...asked, tries: [unanswered] }] }],
    [
      'a repeat that was told as a replay',
      { ...good, asked: [{ ...asked, tries: [unanswered, { ...answered, replayed: true }] }] },
    ],
    [
      'an event that was refused before it was taken',
      { ...good, received: [{ ...got('one'), answered: 500 }, got('one'), got('two')] },
    ],
  ])('%s', (_name, records) => {
    expect(check(records)).toEqual([]);
  });
});

const withStatus = (status: string): Records => ({ ...good, stored: [{ ...stored, status }] });

const wrong: [Rule, string, Records][] = [
  ['acknowledged payment is lost', 'no row of it', { ...gaveUp, asked: [asked] }],
  ['acknowledged payment is not settled', 'retrying at the end', withStatus('retrying')],
  [
    'payment is stuck',
    'of a client that gave up',
    { ...withStatus('accepted'), asked: [{ ...asked, tries: [unanswered] }] },
  ],
  [
    'two ledger entries for one payment',
    'one id twice',
    { ...good, ledger: [entry, { ...entry, emr_transaction_id: '78' }] },
  ],
  ['two ledger entries for one payment', 'in review', { ...review, ledger: [entry, entry] }],
  [
    'failed payment is in the ledger',
    'refused, then found',
    { ...failed, ledger: [{ ...entry, payment_method: 'Seashells' }] },
  ],
  ['posted payment is not in the ledger', 'no entry', { ...good, ledger: [] }],
  ['payment failed without a reason to', 'a good payment', { ...failed, asked: [asked] }],
  ['payment needs a review although its EMR can be asked', 'lookup', { ...review, asked: [asked] }],
  [
    'wrong transaction id',
    'the service names another',
    { ...good, ledger: [{ ...entry, emr_transaction_id: '9' }] },
  ],
  ['ledger entry differs from what was asked', 'amount', { ...good, ledger: [{ ...entry, amount: 12 }] }],
  [
    'ledger entry that nobody asked for',
    'unknown reference',
    { ...gaveUp, ledger: [{ ...entry, reference_number: 'X' }] },
  ],
  ['ledger entry that nobody asked for', 'given up, not stored', { ...gaveUp, ledger: [entry] }],
  ['event is missing', 'at one of two endpoints', { ...good, received: [got('one')] }],
  [
    'event is missing',
    'never taken with 2xx',
    { ...good, received: [got('one'), { ...got('two'), answered: 500 }] },
  ],
  [
    'event differs from what happened',
    'another transaction',
    { ...good, received: [got('one', createdBody('evt_1', '9')), got('two', createdBody('evt_1', '9'))] },
  ],
  ['event differs from what happened', 'failed, but posted', { ...good, received: failed.received }],
  [
    'two events for one payment',
    'two ids',
    { ...good, received: [...good.received, got('one', createdBody('evt_2'), 'evt_2')] },
  ],
  [
    'two events for one payment',
    'one id, two bodies',
    { ...good, received: [...good.received, got('one', failedBody)] },
  ],
  ['event that nobody asked for', 'unknown payment', { ...gaveUp, received: [got('one')] }],
  [
    'event that nobody asked for',
    "another client's endpoint",
    { ...good, received: [...good.received, got('three')] },
  ],
  [
    'event is not signed by us',
    'bad signature',
    { ...good, received: [...good.received, { ...got('one'), verified: false }] },
  ],
  ...(
    [
      ['posted', 'posted'],
      ['accepted', 'posted'],
      ['retrying', 'failed'],
      ['failed', 'posting'],
      ['needs_review', 'posted'],
      ['posting', 'accepted'],
    ] as const
  ).map(([from, to]): [Rule, string, Records] => [
    'state transition that the diagram does not have',
    `${from} → ${to}`,
    { ...good, transitions: [...good.transitions, { paymentId: ID, from, to }] },
  ]),
  [
    'one key, two payments',
    'two answers',
    {
      ...good,
      asked: [{ ...asked, tries: [answered, { ...answered, paymentId: OTHER_ID, replayed: true }] }],
    },
  ],
  ['one key, two payments', 'two rows', { ...good, stored: [stored, { ...stored, id: OTHER_ID }] }],
  ['replay is not told as one', 'a repeat', { ...good, asked: [{ ...asked, tries: [answered, answered] }] }],
  [
    'replay is not told as one',
    'the first try',
    { ...good, asked: [{ ...asked, tries: [{ ...answered, replayed: true }] }] },
  ],
  [
    'answer that no client should get',
    '500',
    { ...good, asked: [{ ...asked, tries: [{ ...unanswered, status: 500 }, answered] }] },
  ],
  [
    'answer that no client should get',
    '503 without Retry-After',
    { ...good, asked: [{ ...asked, tries: [{ ...unanswered, status: 503 }, answered] }] },
  ],
  [
    'answer that no client should get',
    '429 without Retry-After',
    { ...good, asked: [{ ...asked, tries: [{ ...unanswered, status: 429 }, answered] }] },
  ],
  ['process ended by itself', 'a worker', { ...good, diedAlone: ['worker'] }],
];

test.each(wrong)('sees: %s (%s)', (rule, _what, records) => {
  expect(check(records).map((violation) => violation.rule)).toContain(rule);
});

test('every rule has a record that breaks it', () => {
  const rules: Record<Rule, true> = {
    'acknowledged payment is lost': true,
    'acknowledged payment is not settled': true,
    'payment is stuck': true,
    'two ledger entries for one payment': true,
    'failed payment is in the ledger': true,
    'posted payment is not in the ledger': true,
    'payment failed without a reason to': true,
    'payment needs a review although its EMR can be asked': true,
    'wrong transaction id': true,
    'ledger entry differs from what was asked': true,
    'ledger entry that nobody asked for': true,
    'event is missing': true,
    'event differs from what happened': true,
    'two events for one payment': true,
    'event that nobody asked for': true,
    'event is not signed by us': true,
    'state transition that the diagram does not have': true,
    'one key, two payments': true,
    'replay is not told as one': true,
    'answer that no client should get': true,
    'process ended by itself': true,
  };
  expect(new Set(wrong.map(([rule]) => rule))).toEqual(new Set(Object.keys(rules)));
});
