import { cleanText, clip } from '@emr-payments/runtime';

/** Most code points that are kept of an EMR's own words. */
const LONGEST = 1000;

/**
 * Makes `emrText` of words that an EMR wrote: one line, cleaned, at most 1000 code points. Nothing where there are no words.
 * They may name a patient: they belong into `emrText` and into no sentence.
 */
export function ownWords(words: string): { emrText?: string } {
  // An answer can be a megabyte: only so much of it is cleaned as can be kept.
  const line = cleanText(clip(words, 4 * LONGEST))
    .replace(/\s+/g, ' ')
    .trim();
  return line === '' ? {} : { emrText: clip(line, LONGEST) };
}
