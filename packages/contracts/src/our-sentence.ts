declare const OURS: unique symbol;

/**
 * Text that consists of our own words. Everything that says in words how a payment goes (`failure_reason`, the detail of an
 * attempt, webhooks, the API's answers, the operator's lists) has this type, because an EMR's free text can hold a patient's
 * name or date of birth. A string from an answer does not compile here.
 */
export type OurSentence = string & { readonly [OURS]: true };

/** Numbers above this one are not shown: a count or a status is small, and a long number may be somebody's. */
const LARGEST = 9_999;

function shown(value: OurSentence | number): string {
  if (typeof value === 'string') return value;
  if (!(value >= 0)) return '(no number)';
  return value > LARGEST ? `more than ${LARGEST}` : String(Math.trunc(value));
}

/**
 * Makes a sentence from a template literal: the words are in our source, and only other sentences of ours and small numbers
 * may be put in.
 */
export function sentence(
  words: TemplateStringsArray,
  ...values: readonly (OurSentence | number)[]
): OurSentence {
  return words.reduce((text, part, index) => `${text}${shown(values[index - 1] ?? 0)}${part}`) as OurSentence;
}

/** Puts sentences or words of ours together. */
export function joined(texts: readonly OurSentence[], separator: ' ' | ', ' | ' and '): OurSentence {
  return texts.join(separator) as OurSentence;
}

/** A list whose members are all written in our source: with a list of `string` this is `never`, and does not compile. */
type ClosedList<List extends readonly string[]> = string extends List[number] ? never : List;

/**
 * Recognizes a word that came from outside, such as a code of a standard.
 *
 * @returns the member of the closed list that is equal to it; null when there is none.
 */
export function wordIn<const List extends readonly string[]>(
  list: ClosedList<List>,
  word: string | undefined,
): (List[number] & OurSentence) | null {
  return ((list as readonly string[]).find((member) => member === word) ?? null) as
    | (List[number] & OurSentence)
    | null;
}

/**
 * Lets an EMR's id of an entry into a sentence, if it has the form of one.
 *
 * @returns null for one with blanks, letters beyond ASCII, or more than 80 characters: that may be a text.
 */
export function idShown(id: string): OurSentence | null {
  return /^[\w.:/~-]{1,80}$/.test(id) ? (id as OurSentence) : null;
}
