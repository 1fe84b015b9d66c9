import { type OurSentence, sentence } from '@emr-payments/contracts';

/**
 * The facts about a search answer that decide whether "nothing found" is evidence. Each is required, so that a dialect
 * answers every question, and none knows the EMR's format.
 */
export type AbsenceEvidence = {
  /** Entries in the answer, over all its pages, whatever they hold. */
  entriesSeen: number;
  /** Those that were read and understood: matches, and remarks of the EMR. */
  entriesUnderstood: number;
  /**
   * Those of them that may be our payment, and are not certain to be: our id in them was cut off or changed, or there is none and all the rest is
   * as in our payment. 0 where the EMR keeps our id as it is.
   */
  perhapsOurs: number;
  /** The number of matches among them. None of them is our payment. */
  matches: number;
  /** The number of matches that the EMR states; null when it states none. */
  total: number | null;
  /** False when the EMR says that matches are missing, or a page was not read. */
  complete: boolean;
  /** True when the EMR reports an error, with whatever status. */
  errorSaid: boolean;
  /** False when the EMR may have answered another search than ours. */
  searchHonoured: boolean;
  /** True when the answer may be older than our request. */
  servedFromCache: boolean;
};

declare const PROVEN: unique symbol;

/** The EMR does not have the payment. The type has a mark that only `absent` can set, so no literal is one. */
export type Absent = { outcome: 'absent'; [PROVEN]: true };

/** "Nothing found" that proves nothing. */
export type NotProven = {
  outcome: 'unavailable';
  code: 'answer_incomplete' | 'answer_not_understood' | 'search_not_honoured' | 'answer_cached';
  detail: OurSentence;
};

function notProven(code: NotProven['code'], detail: OurSentence): NotProven {
  return { outcome: 'unavailable', code, detail };
}

/**
 * Concludes from an answer without our payment that the EMR does not have it, unless one of the facts speaks against that.
 * This is the only way to the outcome `absent`, after which the worker sends the payment again.
 */
export function absent(evidence: AbsenceEvidence): Absent | NotProven {
  const { entriesSeen, entriesUnderstood, perhapsOurs, matches, total } = evidence;
  if (entriesUnderstood !== entriesSeen) {
    const unread = entriesSeen - entriesUnderstood;
    return notProven(
      'answer_not_understood',
      sentence`Entries of the EMR's answer cannot be read: ${unread} of ${entriesSeen}.`,
    );
  }
  if (perhapsOurs > 0) {
    const entries = perhapsOurs === 1 ? sentence`an entry` : sentence`${perhapsOurs} entries`;
    return notProven(
      'answer_not_understood',
      sentence`The EMR has ${entries} of which nobody can say whether it is this payment: our id in the note was changed, or is missing.`,
    );
  }
  if (evidence.errorSaid)
    return notProven('answer_incomplete', sentence`The EMR reported an error with its answer.`);
  if (!evidence.complete)
    return notProven('answer_incomplete', sentence`The EMR says that its answer is incomplete.`);
  if (total !== null && total !== matches) {
    return notProven(
      'answer_incomplete',
      sentence`The EMR's count of entries is ${total}, and it gave ${matches}.`,
    );
  }
  if (!evidence.searchHonoured) {
    return notProven('search_not_honoured', sentence`The EMR did not search by our payment id.`);
  }
  if (evidence.servedFromCache) {
    return notProven('answer_cached', sentence`The EMR's answer may be older than our request.`);
  }
  return { outcome: 'absent' } as Absent;
}
