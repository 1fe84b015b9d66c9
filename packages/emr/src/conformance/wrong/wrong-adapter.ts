import { absent } from '../../absence.ts';
import type { CheckOutcome, EmrAdapter } from '../../adapter.ts';
import type { ListOutcome, ResolveOutcome } from '../../lists.ts';
import type { FindOutcome, Posting, PostOutcome } from '../../posting.ts';
import type { UnderTest } from '../under-test.ts';

/** A mistake that an adapter could contain: a thin layer over the right one, and the rules that must notice it. */
export type WrongAdapter = {
  /** Its mistake. */
  mistake: string;
  /** Matches the names of exactly the rules that it breaks, but for those of `mayBreak`. */
  breaks: RegExp;
  /** Matches the names of rules that it breaks at some EMRs, by the order in which they list, or at some times. */
  mayBreak?: RegExp;
  /** False for an EMR at which it is no mistake. Absent: it is one everywhere. */
  needs?: (emr: UnderTest) => boolean;
  wrap(
    right: EmrAdapter,
    input: { emr: UnderTest; baseUrl: string; credentials: Readonly<Record<string, string>> },
  ): EmrAdapter;
};

/**
 * Rules that take long, and whose result changes only by a mistake that is about one of them: those about faults during a list of
 * patients, and those about gateways, of which each sends a payment for every body that a gateway can write. One of these is tried on
 * every wrong adapter.
 */
const LONG = /^patient list, |^gateway: (?!HTTP 403 )/;

/** True for a rule that is tried on a wrong adapter. */
export const isTriedOn = ({ breaks }: Pick<WrongAdapter, 'breaks'>, { name }: { name: string }): boolean =>
  !LONG.test(name) || breaks.test(name);

/** The rules of those that were broken and should not have been, and those that should have been and were not. */
export function wronglyNoticed(
  { breaks, mayBreak }: Pick<WrongAdapter, 'breaks' | 'mayBreak'>,
  { rules, broken }: { rules: readonly string[]; broken: readonly string[] },
): { missed: string[]; unexpected: string[] } {
  return {
    missed: rules.filter((name) => breaks.test(name) && !broken.includes(name)),
    unexpected: broken.filter((name) => !breaks.test(name) && !(mayBreak?.test(name) ?? false)),
  };
}

/** Claims absence without evidence: a wrong adapter has to lie about every fact, because no literal is `absent`. */
export const absentUnproven = (): FindOutcome =>
  absent({
    entriesSeen: 0,
    entriesUnderstood: 0,
    perhapsOurs: 0,
    matches: 0,
    total: null,
    complete: true,
    errorSaid: false,
    searchHonoured: true,
    servedFromCache: false,
  });

/** Changes every posting before the right adapter posts it. */
export function changing(
  change: (posting: Posting, emr: UnderTest) => Partial<Posting>,
): WrongAdapter['wrap'] {
  return (right, { emr }) => ({
    ...right,
    post: (posting, options) => right.post({ ...posting, ...change(posting, emr) }, options),
  });
}

/** Changes the outcome of every post. */
export function posting(change: (outcome: PostOutcome) => PostOutcome): WrongAdapter['wrap'] {
  return (right) => ({
    ...right,
    post: async (payment, options) => change(await right.post(payment, options)),
  });
}

/** Changes the outcome of every look-up. */
export function finding(change: (outcome: FindOutcome) => FindOutcome): WrongAdapter['wrap'] {
  return (right) => {
    const { find } = right;
    if (find === undefined) return right;
    return { ...right, find: async (hints, options) => change(await find(hints, options)) };
  };
}

/** Changes the outcome of every check. */
export function checking(change: (outcome: CheckOutcome) => CheckOutcome): WrongAdapter['wrap'] {
  return (right) => ({ ...right, check: async (options) => change(await right.check(options)) });
}

/** Changes the outcome of every list. */
export function listing(change: (outcome: ListOutcome) => ListOutcome): WrongAdapter['wrap'] {
  return (right) => ({ ...right, list: async (options) => change(await right.list(options)) });
}

/** Changes the outcome of every resolve. */
export function resolving(
  change: (outcome: ResolveOutcome, names: { paymentMethod: string; location: string }) => ResolveOutcome,
): WrongAdapter['wrap'] {
  return (right) => ({
    ...right,
    resolve: async (names, options) => change(await right.resolve(names, options), names),
  });
}
