import { type OurSentence, sentence } from '@emr-payments/contracts';
import { cleanText, clip } from '@emr-payments/runtime';

/** Most names of a list in a sentence; the rest is counted. */
const LISTED = 20;

/**
 * Lets a name into a sentence: one that the payment gives, or one of the EMR's lists of payment methods and locations. These
 * are no free text, and people need them. Never for any other text of an EMR.
 */
export function nameShown(name: string, codePoints: number): OurSentence {
  return clip(cleanText(name), codePoints) as OurSentence;
}

/** Names what a list of the EMR has, or says that it has nothing. */
export function namesListed(names: readonly string[]): OurSentence {
  if (names.length === 0) return sentence`It lists none.`;
  const shown = names
    .slice(0, LISTED)
    .map((name) => nameShown(name, 60))
    .join(', ') as OurSentence;
  if (names.length <= LISTED) return sentence`It has: ${shown}.`;
  return sentence`It has: ${shown} and ${names.length - LISTED} more.`;
}
