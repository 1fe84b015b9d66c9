import { describe, expect, test } from 'vitest';
import { check } from './check.ts';
import type { LedgerEntry, Received, Records, Requested, Stored, Transition, Try } from './records.ts';
import type { Rule } from './rules.ts';
import { traitsOf } from './traits.ts';

const ID = '0000000000000000000000000000000a';
const OTHER_ID = '0000000000000000000000000000000b';

const answered: Try = { status: 200, paymentId: ID, jobId: 5, replayed: false, retryAfter: false, at: 0 };
const unanswered: Try = {
  status: null,
  paymentId: null,
  jobId: null,
  replayed: false,
  retryAfter: false,
  at: 0,
};

const requested: Requested = {
  reference: 'R1',
  emr: traitsOf('lookup'),
  endpoints: ['one', 'two'],
  patientMrn: 'MRN-1',
  amount: 12.5,
  paymentMethod: 'Card',
  location: '1404',
  locationName: 'Main Street Clinic',
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
  JSON.stringify({ id, type, job_id: '5', data: { payment_id: ID, sequence: 1, ...more } });
const createdBody = (id = 'evt_1', transactionId: string | null = '77') =>
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
  requested: [requested],
  ledger: [entry],
  takenOnly: [],
  received: [got('one'), got('two'), got('two')],
  stored: [stored],
  transitions: life('accepted', 'posting', 'posting', 'retrying', 'posting', 'posted'),
  outages: [],
  endedUnexpectedly: [],
};
const failedBody = eventBody('payment.failed', { failure_reason: 'No such method' });
const failed: Records = {
  requested: [{ ...requested, paymentMethod: 'Seashells', methodIsKnown: false }],
  ledger: [],
  takenOnly: [],
  received: [got('one', failedBody), got('two', failedBody)],
  stored: [{ ...stored, status: 'failed', emrTransactionId: null }],
  transitions: life('accepted', 'posting', 'failed'),
  outages: [],
  endedUnexpectedly: [],
};
const reviewBody = eventBody('payment.review_required', { review_reason: 'Nobody knows' });
const review: Records = {
  ...good,
  requested: [{ ...requested, emr: traitsOf('none') }],
  received: [got('one', reviewBody), got('two', reviewBody)],
  stored: [{ ...stored, status: 'needs_review', emrTransactionId: null }],
  transitions: life('accepted', 'posting', 'needs_review'),
};
const unnamedBody = createdBody('evt_1', null);
const unnamed: Records = {
  ...good,
  requested: [{ ...requested, emr: { ...traitsOf('conditional-create'), mayNotName: true } }],
  received: [got('one', unnamedBody), got('two', unnamedBody)],
  stored: [{ ...stored, emrTransactionId: null }],
};
const gaveUp: Records = {
  requested: [{ ...requested, tries: [unanswered] }],
  ledger: [],
  takenOnly: [],
  received: [],
  stored: [],
  transitions: [],
  outages: [],
  endedUnexpectedly: [],
};

/** An EMR that splits payments, and one that keeps nothing of ours. */
const splitting = { ...traitsOf('lookup'), splits: true };
const keyless = {
  ...traitsOf('none'),
  keyless: true,
  mayNotName: true,
  drops: ['reference_number', 'payment_method', 'location'] as const,
};
const halves: Records['ledger'] = [
  { ...entry, amount: 12 },
  { ...entry, emr_transaction_id: '78', amount: 0.5 },
];
const bare: LedgerEntry = {
  ...entry,
  payment_id: null,
  reference_number: null,
  payment_method: null,
  location: null,
};
const bareEntry = (records: Partial<Records>): Records => ({
  ...good,
  requested: [{ ...requested, emr: keyless }],
  ledger: [bare],
  received: ['one', 'two'].map((name) =>
    got(
      name,
      eventBody('payment.created', { emr_transaction_id: null, reference_number: 'R1', amount: 12.5 }),
    ),
  ),
  stored: [{ ...stored, emrTransactionId: null }],
  ...records,
});

const outageBody = (sequence: number, id = `evt_c${sequence}`) =>
  JSON.stringify({
    id,
    type: sequence % 2 === 1 ? 'connection.broken' : 'connection.restored',
    access_token_reference_id: 'u1',
    job_id: null,
    data: { sequence },
  });
const gotOutage = (...sequences: number[]) =>
  sequences.flatMap((sequence) =>
    ['one', 'two'].map((endpoint) => got(endpoint, outageBody(sequence), `evt_c${sequence}`)),
  );
const outage = { userId: 'u1', endpoints: ['one', 'two'], count: 1, isOpen: false };
const withOutage = (received: readonly Received[], change: Partial<typeof outage> = {}): Records => ({
  ...good,
  outages: [{ ...outage, ...change }],
  received: [...good.received, ...received],
});

describe('finds no violation in', () => {
  test.each<[string, Records]>([
    ['a posted payment, its event repeated', good],
    ['an outage that has ended', withOutage([...gotOutage(1, 2), ...gotOutage(1)])],
    ['an outage that goes on', withOutage(gotOutage(1), { isOpen: true })],
    [
      'two rows that are a payment, at an EMR that splits payments',
      { ...good, requested: [{ ...requested, emr: splitting }], ledger: halves },
    ],
    ['an entry that is known by patient and amount, and posted without an id', bareEntry({})],
    ['a posted payment whose EMR named no entry', unnamed],
    ['a failed payment', failed],
    ['a payment that needs review and is in the ledger once', review],
    ['a payment that needs review and is not in the ledger', { ...review, ledger: [] }],
    ['a client that gave up, and a payment that was not accepted', gaveUp],
    [
      'a client that gave up, and a payment that was accepted',
      { ...good, requested: [{ ...requested, tries: [unanswered] }] },
    ],
    [
      'a repeat that is marked as a replay',
      { ...good, requested: [{ ...requested, tries: [unanswered, { ...answered, replayed: true }] }] },
    ],
    [
      'a payment that the EMR took and has not finished',
      {
        ...good,
        takenOnly: [ID],
        received: [],
        stored: [{ ...stored, status: 'submitted', emrTransactionId: null }],
        transitions: life('accepted', 'posting', 'submitted', 'submitted'),
      },
    ],
    [
      'a payment in review whose entry the EMR altered',
      {
        ...review,
        requested: [{ ...requested, emr: traitsOf('foreign') }],
        ledger: [{ ...entry, amount: 1, altered: true }],
      },
    ],
    [
      'an event that the endpoint refused first and accepted later',
      { ...good, received: [{ ...got('one'), answered: 500 }, got('one'), got('two')] },
    ],
  ])('%s', (_name, records) => {
    expect(check(records)).toEqual([]);
  });
});

const withStatus = (status: string): Records => ({ ...good, stored: [{ ...stored, status }] });

const wrong: [Rule, string, Records][] = [
  [
    'two ledger entries for one payment',
    'two halves at an EMR that splits nothing',
    { ...good, ledger: halves },
  ],
  [
    'two ledger entries for one payment',
    'a payment that a splitting EMR has twice',
    {
      ...good,
      requested: [{ ...requested, emr: splitting }],
      ledger: [entry, { ...entry, emr_transaction_id: '78' }],
    },
  ],
  [
    'two ledger entries for one payment',
    'two entries that only patient and amount identify',
    bareEntry({ ledger: [bare, { ...bare, emr_transaction_id: '78' }] }),
  ],
  [
    'ledger entry without a request',
    'an entry of another amount at a keyless EMR',
    bareEntry({ ledger: [bare, { ...bare, amount: 3 }] }),
  ],
  ['acknowledged payment is lost', 'it has no row', { ...gaveUp, requested: [requested] }],
  ['acknowledged payment is not settled', 'retrying at the end', withStatus('retrying')],
  [
    'payment is stuck',
    'its client gave up',
    { ...withStatus('accepted'), requested: [{ ...requested, tries: [unanswered] }] },
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
  ['valid payment failed', 'a good payment', { ...failed, requested: [requested] }],
  ['payment needs review although its EMR can be asked', 'lookup', { ...review, requested: [requested] }],
  ['acknowledged payment is not settled', 'submitted, though its EMR never said so', withStatus('submitted')],
  [
    'payment is posted with an entry that differs',
    'believed',
    { ...good, ledger: [{ ...entry, amount: 1, altered: true }] },
  ],
  [
    'wrong transaction id',
    'the service has another one',
    { ...good, ledger: [{ ...entry, emr_transaction_id: '9' }] },
  ],
  [
    'wrong transaction id',
    'the service has none, and the EMR names its entries',
    { ...unnamed, requested: [requested] },
  ],
  ['event differs from the payment', 'without the id that the payment has', { ...unnamed, stored: [stored] }],
  ['ledger entry differs from the request', 'amount', { ...good, ledger: [{ ...entry, amount: 12 }] }],
  [
    'ledger entry without a request',
    'unknown reference',
    { ...gaveUp, ledger: [{ ...entry, reference_number: 'X' }] },
  ],
  ['ledger entry without a request', 'given up, not stored', { ...gaveUp, ledger: [entry] }],
  ['event is missing', 'at one of two endpoints', { ...good, received: [got('one')] }],
  [
    'event is missing',
    'never accepted with 2xx',
    { ...good, received: [got('one'), { ...got('two'), answered: 500 }] },
  ],
  [
    'event differs from the payment',
    'another transaction',
    { ...good, received: [got('one', createdBody('evt_1', '9')), got('two', createdBody('evt_1', '9'))] },
  ],
  ['event differs from the payment', 'failed, but posted', { ...good, received: failed.received }],
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
  ...[undefined, null, 0, 2, 1.5, '1'].map((sequence): [Rule, string, Records] => [
    'events of a payment are not numbered from 1',
    String(sequence),
    { ...failed, received: ['one', 'two'].map((at) => got(at, eventBody('payment.failed', { sequence }))) },
  ]),
  [
    'events of a payment are not numbered from 1',
    'the second one is a 1 as well',
    { ...good, received: [...good.received, got('one', createdBody('evt_2'), 'evt_2')] },
  ],
  ['event without a request', 'unknown payment', { ...gaveUp, received: [got('one')] }],
  [
    'event without a request',
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
      ['submitted', 'posting'],
      ['submitted', 'retrying'],
      ['submitted', 'failed'],
      ['failed', 'posting'],
      ['needs_review', 'posted'],
      ['posting', 'accepted'],
    ] as const
  ).map(([from, to]): [Rule, string, Records] => [
    'state transition is not allowed',
    `${from} → ${to}`,
    { ...good, transitions: [...good.transitions, { paymentId: ID, from, to }] },
  ]),
  [
    'one key, two payments',
    'two answers',
    {
      ...good,
      requested: [{ ...requested, tries: [answered, { ...answered, paymentId: OTHER_ID, replayed: true }] }],
    },
  ],
  ['one key, two payments', 'two rows', { ...good, stored: [stored, { ...stored, id: OTHER_ID }] }],
  [
    'Idempotent-Replayed is wrong',
    'a repeat',
    { ...good, requested: [{ ...requested, tries: [answered, answered] }] },
  ],
  [
    'Idempotent-Replayed is wrong',
    'the first try',
    { ...good, requested: [{ ...requested, tries: [{ ...answered, replayed: true }] }] },
  ],
  [
    'answer that no client should get',
    '500',
    { ...good, requested: [{ ...requested, tries: [{ ...unanswered, status: 500 }, answered] }] },
  ],
  [
    'answer that no client should get',
    '503 without Retry-After',
    { ...good, requested: [{ ...requested, tries: [{ ...unanswered, status: 503 }, answered] }] },
  ],
  [
    'answer that no client should get',
    '429 without Retry-After',
    { ...good, requested: [{ ...requested, tries: [{ ...unanswered, status: 429 }, answered] }] },
  ],
  ['event is missing', 'of the end of an outage', withOutage(gotOutage(1))],
  ['event is missing', 'of an outage at one of two endpoints', withOutage(gotOutage(1, 2).slice(1))],
  [
    'events of an outage are not one of each',
    'two beginnings',
    withOutage([...gotOutage(1, 2), got('one', outageBody(1, 'evt_d'), 'evt_d')]),
  ],
  ['events of an outage are not one of each', 'of an outage that was not', withOutage(gotOutage(1, 2, 3))],
  ['event without a request', "another user's outage", { ...good, received: gotOutage(1) }],
  ['process ended unexpectedly', 'a worker', { ...good, endedUnexpectedly: ['worker'] }],
];

test.each(wrong)('finds: %s (%s)', (rule, _what, records) => {
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
    'valid payment failed': true,
    'payment needs review although its EMR can be asked': true,
    'payment is posted with an entry that differs': true,
    'wrong transaction id': true,
    'ledger entry differs from the request': true,
    'ledger entry without a request': true,
    'event is missing': true,
    'event differs from the payment': true,
    'two events for one payment': true,
    'events of a payment are not numbered from 1': true,
    'events of an outage are not one of each': true,
    'event without a request': true,
    'event is not signed by us': true,
    'state transition is not allowed': true,
    'one key, two payments': true,
    'Idempotent-Replayed is wrong': true,
    'answer that no client should get': true,
    'process ended unexpectedly': true,
  };
  expect(new Set(wrong.map(([rule]) => rule))).toEqual(new Set(Object.keys(rules)));
});
