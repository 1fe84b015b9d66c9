import { sentence } from '@emr-payments/contracts';
import type { FindOutcome } from '../../posting.ts';
import { foundAs } from '../rule.ts';
import { absentUnproven, finding, posting, type WrongAdapter } from './wrong-adapter.ts';

const PLAIN_ID = /^[A-Za-z0-9.-]{1,64}$/;

export const wrongEvidence: readonly WrongAdapter[] = [
  {
    mistake: 'takes an answer that it did not understand for absence',
    breaks: /^absence: (?!an error in place|an answer from a cache|every read|a look-up that)/,
    wrap: finding((outcome) =>
      outcome.outcome === 'unavailable' &&
      ['answer_incomplete', 'answer_not_understood', 'search_not_honoured'].includes(outcome.code)
        ? absentUnproven()
        : outcome,
    ),
  },
  {
    mistake: 'takes an old answer for absence',
    breaks: /^absence: an answer from a cache/,
    wrap: finding((outcome) =>
      outcome.outcome === 'unavailable' && outcome.code === 'answer_cached' ? absentUnproven() : outcome,
    ),
  },
  {
    mistake: 'reads what a cache may hold',
    breaks: /^absence: every read/,
    wrap: (right, { baseUrl }) => ({
      ...right,
      async list(options) {
        const outcome = await right.list(options);
        if (outcome.outcome === 'listed') await (await fetch(`${baseUrl}/metadata`)).text();
        return outcome;
      },
    }),
  },
  {
    mistake: 'remembers that a payment was absent',
    breaks: /^absence: a look-up that is repeated/,
    wrap(right) {
      const { find } = right;
      if (find === undefined) return right;
      const missing = new Map<string, Promise<FindOutcome>>();
      return {
        ...right,
        find(hints, options) {
          const known = missing.get(hints.paymentId);
          if (known !== undefined) return known;
          const outcome = find(hints, options);
          missing.set(hints.paymentId, outcome);
          return outcome;
        },
      };
    },
  },
  {
    mistake: 'knows ids of one kind only',
    breaks: /^ids: /,
    wrap: posting((outcome) =>
      outcome.outcome === 'posted' && !PLAIN_ID.test(String(outcome.emrTransactionId))
        ? { outcome: 'unknown', code: 'bad_answer', detail: sentence`The EMR did not name the entry.` }
        : outcome,
    ),
  },
  {
    mistake: 'believes that the entry which it finds is the payment',
    breaks: /^existing entry, .* looked up$/,
    wrap: finding((outcome) =>
      outcome.outcome === 'differs' ? foundAs(outcome.emrTransactionId, '0.00') : outcome,
    ),
  },
  {
    mistake: 'believes that the entry which existed is the payment',
    breaks: /^existing entry, .* sent$/,
    wrap: posting((outcome) =>
      outcome.outcome === 'differs'
        ? { outcome: 'posted', emrTransactionId: outcome.emrTransactionId }
        : outcome,
    ),
  },
];
