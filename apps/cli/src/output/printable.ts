// Characters that a terminal obeys instead of showing them. Texts come from outside too: names, an EMR's words, what a file has.

/** All of them, the end of a line included. */
const OBEYED = /[\p{Cc}\p{Cs}\p{Bidi_Control}\p{Zl}\p{Zp}]/gu;

/** Those of `OBEYED` that `JSON.stringify` leaves as they are. */
const OBEYED_IN_JSON = /[\u007f-\u009f\p{Bidi_Control}\p{Zl}\p{Zp}]/gu;

/** Shows text from outside on one line. */
export const printableLine = (text: string): string => text.replace(OBEYED, '�');

/** Shows a text of several lines, which a command has composed. */
export const printableText = (text: string): string =>
  text.replace(OBEYED, (found) => (found === '\n' ? found : '�'));

/** Writes the characters as escapes, which are the same to every reader of JSON. */
export const printableJson = (data: object): string =>
  JSON.stringify(data, null, 2).replace(
    OBEYED_IN_JSON,
    (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

/**
 * Characters that take two columns: Chinese, Japanese and Korean ones and full-width forms, without their half-width forms. By hand: the
 * packages (string-width with three others) also take escape sequences out, which no text has here.
 */
const WIDE =
  /[\p{sc=Han}\p{sc=Hangul}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Bopomofo}\p{sc=Yi}\u3000-\u303e\uff01-\uff60\uffe0-\uffe6]/u;
const HALF = /[\uff61-\uffdc]/u;
/** An emoji: a character that is one by default, or one that U+FE0F after it turns into one. */
const PICTURE = /\p{Emoji_Presentation}|\p{Emoji}\ufe0f/u;
/** Marks that are drawn over the character before, and characters that are not drawn. */
const NOTHING = /^[\p{Mn}\p{Me}\p{Cf}]*$/u;

const graphemes = new Intl.Segmenter('en');

/** Columns of a terminal that a text without control characters takes. */
export function columnsOf(text: string): number {
  let columns = 0;
  for (const { segment } of graphemes.segment(text)) {
    if (NOTHING.test(segment)) continue;
    columns += (WIDE.test(segment) && !HALF.test(segment)) || PICTURE.test(segment) ? 2 : 1;
  }
  return columns;
}

/** Fills a text up with blanks to so many columns. */
export const padColumns = (text: string, columns: number): string =>
  text + ' '.repeat(Math.max(0, columns - columnsOf(text)));
