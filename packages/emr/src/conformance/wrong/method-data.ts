import { FAILURE_CODES, sentence } from '@emr-payments/contracts';
import { listing, resolving, type WrongAdapter } from './wrong-adapter.ts';

const REFUSES = /^method data: (?:.* is refused by methodProblem|post sends)/;

export const wrongMethodData: readonly WrongAdapter[] = [
  {
    mistake:
      'refuses for missing data and has no methodProblem, so that a dry run promises what post refuses',
    breaks: /^method data: /,
    wrap: ({ methodProblem: _, ...right }) => right,
  },
  {
    mistake: 'sends what methodProblem refuses',
    breaks: REFUSES,
    wrap: (right, { emr }) => {
      const [{ code: method }] = emr.practice.methods;
      return {
        ...right,
        post: (posting, options) =>
          right.post(right.methodProblem?.(posting) ? { ...posting, method } : posting, options),
      };
    },
  },
  {
    mistake: 'takes every payment in methodProblem',
    breaks: /^method data: (?!the adapter has)/,
    wrap: (right) => ({ ...right, methodProblem: () => null }),
  },
  {
    mistake: 'refuses in methodProblem what post sends',
    breaks: /^method data: (?:post sends|a method that no)/,
    wrap: (right) => ({
      ...right,
      methodProblem: (payment) =>
        right.methodProblem?.(payment) ?? sentence`${FAILURE_CODES.method_needs_data.says} Always.`,
    }),
  },
  {
    mistake: 'gives another reason in methodProblem than in post',
    breaks: REFUSES,
    wrap: (right) => ({
      ...right,
      methodProblem: (payment) =>
        right.methodProblem?.(payment) ? sentence`It needs something, and does not say what.` : null,
    }),
  },
  {
    mistake: 'lists a method that needs data as any other',
    breaks: /^method data: a method that no/,
    wrap: listing((outcome) =>
      outcome.outcome === 'listed'
        ? { ...outcome, methods: outcome.methods.map(({ id, name }) => ({ id, name })) }
        : outcome,
    ),
  },
  {
    mistake: 'resolves a method that needs data as any other',
    breaks: /^method data: a method that no/,
    wrap: (right, input) =>
      resolving((outcome) =>
        outcome.outcome === 'refused' && outcome.code === 'method_needs_data'
          ? {
              outcome: 'resolved',
              method: input.emr.practice.methods[0].code,
              location: input.emr.practice.locations[0].code,
            }
          : outcome,
      )(right, input),
  },
];
