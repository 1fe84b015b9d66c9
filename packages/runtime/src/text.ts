/**
 * Cuts a text to a number of characters (code points) and ends it with an ellipsis where something was cut off. Half of a
 * surrogate pair, which no UTF-8 can hold and PostgreSQL refuses, is never left.
 *
 * @param codePoints the longest result, the ellipsis included; at least 1.
 */
export function clip(text: string, codePoints: number): string {
  // A code point has one or two code units, so a text that is this short in units needs no count.
  if (text.length <= codePoints) return text;
  let end = 0;
  let beforeLast = 0;
  for (let count = 0; count < codePoints; count += 1) {
    beforeLast = end;
    const code = text.codePointAt(end);
    if (code === undefined) return text;
    end += code > 0xffff ? 2 : 1;
  }
  return end >= text.length ? text : `${text.slice(0, beforeLast)}…`;
}

/**
 * Cuts a text to a number of UTF-16 units, for a column or field of another system that counts so. Half of a surrogate pair is
 * never left.
 */
export function cutUnits(text: string, units: number): string {
  return text.length <= units ? text : text.slice(0, units).replace(/[\uD800-\uDBFF]$/, '');
}

/**
 * Removes from a text that another system wrote what cannot be stored or shown: NUL and all other control characters
 * except tab and line breaks, which become one space; direction marks, which turn the text around them on a screen; and
 * halves of surrogate pairs.
 */
export function cleanText(text: string): string {
  return text
    .replace(/[\t\n\v\f\r\u0085\u2028\u2029]+/g, ' ')
    .replace(/[\p{Cc}\p{Cs}\p{Bidi_Control}]/gu, '');
}
