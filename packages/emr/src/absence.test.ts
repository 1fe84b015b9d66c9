import { expect, expectTypeOf, test } from 'vitest';
import { type AbsenceEvidence, absent } from './absence.ts';
import type { FindOutcome } from './posting.ts';

const whole: AbsenceEvidence = {
  entriesSeen: 2,
  entriesUnderstood: 2,
  perhapsOurs: 0,
  matches: 0,
  total: 0,
  complete: true,
  errorSaid: false,
  searchHonoured: true,
  servedFromCache: false,
};

test.each<[string, Partial<AbsenceEvidence>]>([
  ['an empty answer', { entriesSeen: 0, entriesUnderstood: 0 }],
  ['an answer with remarks only', {}],
  ['an answer that states no total', { total: null }],
  ['a list of other payments, where that is the search', { matches: 2, total: 2 }],
])('%s that was understood whole is absence', (_name, facts) => {
  expect(absent({ ...whole, ...facts })).toEqual({ outcome: 'absent' });
});

test.each<[Partial<AbsenceEvidence>, string]>([
  [{ entriesUnderstood: 1 }, 'answer_not_understood'],
  [{ perhapsOurs: 1 }, 'answer_not_understood'],
  [{ errorSaid: true }, 'answer_incomplete'],
  [{ complete: false }, 'answer_incomplete'],
  [{ total: 1 }, 'answer_incomplete'],
  [{ total: 0, matches: 1 }, 'answer_incomplete'],
  [{ searchHonoured: false }, 'search_not_honoured'],
  [{ servedFromCache: true }, 'answer_cached'],
])('%j: unavailable, with the code %s', (facts, code) => {
  expect(absent({ ...whole, ...facts })).toEqual({
    outcome: 'unavailable',
    code,
    detail: expect.stringMatching(/\.$/),
  });
});

test.each([
  [1, 'an entry'],
  [2, '2 entries'],
])(
  '%d entries that may be our payment are said to be that, and not to be unreadable',
  (perhapsOurs, entries) => {
    expect(absent({ ...whole, perhapsOurs })).toMatchObject({
      detail: `The EMR has ${entries} of which nobody can say whether it is this payment: our id in the note was changed, or is missing.`,
    });
  },
);

test('the type admits no other way to the outcome absent', () => {
  expectTypeOf(absent(whole)).toExtend<FindOutcome>();
  // @ts-expect-error a literal lacks the mark
  const literal: FindOutcome = { outcome: 'absent' };
  const { servedFromCache: _left, ...incomplete } = whole;
  // @ts-expect-error a fact is missing
  const unproven = absent(incomplete);
  // @ts-expect-error a found outcome cannot be rewritten into an absent one
  const rewritten: FindOutcome = {
    ...{ outcome: 'found' as const, emrTransactionId: '1' },
    outcome: 'absent',
  };
  expect([literal.outcome, unproven.outcome, rewritten.outcome]).toHaveLength(3);
});
