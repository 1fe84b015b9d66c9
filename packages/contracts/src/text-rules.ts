/**
 * Keyword of a text, with its rule: `line` is one line that is not blank, `lines` may have tabs and line breaks and may be
 * empty, as `label` may, which is one line. The `pattern` beside it says what the regular expressions of all languages can say:
 * ASCII ranges, no look-ahead, no `\p{…}`. The keyword is the whole rule; it adds the control characters from U+0080 to U+009F,
 * blank texts of other white space than spaces, and halves of surrogate pairs. A pattern cannot: clients in PHP compare bytes,
 * and 0x80 to 0x9F are bytes of letters.
 */
export const TEXT_KEYWORD = 'x-text';

export type TextRule = 'line' | 'lines' | 'label';

/** Anchored and unambiguous, so that they run in linear time. */
const TEXT_PATTERNS: Record<TextRule, string> = {
  line: '^ *[^\\x00-\\x20\\x7f][^\\x00-\\x1f\\x7f]*$',
  lines: '^[^\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f]*$',
  label: '^[^\\x00-\\x1f\\x7f]*$',
};

/** Says the rule in words, for the description of a field. */
export const TEXT_RULE_WORDS: Record<TextRule, string> = {
  line: 'One line of text that is not blank, without control characters.',
  lines: 'Without control characters other than tabs and line breaks.',
  label: 'One line of text without control characters.',
};

/** The keywords of a text by its rule. */
export const textOf = (rule: TextRule) => ({ pattern: TEXT_PATTERNS[rule], [TEXT_KEYWORD]: rule });

const UNPRINTABLE = /[\p{Cc}\p{Cs}]/u;
const UNPRINTABLE_IN_LINES = /(?![\t\n\r])[\p{Cc}\p{Cs}]/u;

/** Checks the whole rule of a text, also what its pattern cannot say. */
export function keepsTextRule(rule: TextRule, text: string): boolean {
  if (rule === 'lines') return !UNPRINTABLE_IN_LINES.test(text);
  return !UNPRINTABLE.test(text) && (rule === 'label' || /\S/.test(text));
}
