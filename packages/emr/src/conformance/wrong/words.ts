import type { OurSentence } from '@emr-payments/contracts';
import type { PostOutcome } from '../../posting.ts';
import { listing, posting, type WrongAdapter } from './wrong-adapter.ts';

/** Only a cast lets words of an EMR into a sentence. */
const withWords = (text: OurSentence, { emrText }: { emrText?: string }) =>
  emrText === undefined ? text : (`${text} The EMR said: ${emrText}` as OurSentence);

function sayingAll(outcome: PostOutcome): PostOutcome {
  if (outcome.outcome === 'refused') return { ...outcome, reason: withWords(outcome.reason, outcome) };
  return 'detail' in outcome ? { ...outcome, detail: withWords(outcome.detail, outcome) } : outcome;
}

function sayingNothing(outcome: PostOutcome): PostOutcome {
  const { emrText: _, ...rest } = outcome as PostOutcome & { emrText?: string };
  return rest as PostOutcome;
}

export const wrongWords: readonly WrongAdapter[] = [
  {
    mistake: "puts the EMR's own words into the reason of a post",
    breaks: /^words: no sentence/,
    wrap: posting(sayingAll),
  },
  {
    mistake: "puts the EMR's own words into the trouble of a list",
    breaks: /^words: no sentence .* HTTP (?!200)/,
    wrap: listing((outcome) =>
      outcome.outcome === 'not_sent' ? { ...outcome, detail: withWords(outcome.detail, outcome) } : outcome,
    ),
  },
  {
    mistake: "throws the EMR's own words away",
    breaks: /^words: .* kept apart/,
    wrap: posting(sayingNothing),
  },
];
