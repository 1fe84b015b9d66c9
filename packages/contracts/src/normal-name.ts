/** Unicode's White_Space, which is more than `\s` of PostgreSQL and not quite that of JavaScript. */
const WHITE_SPACE = '\\p{White_Space}';

/** Characters that Unicode says show nothing: zero-width ones, direction marks, soft hyphens, variation selectors. */
const INVISIBLE = '\\p{Default_Ignorable_Code_Point}';

const INVISIBLE_ONES = new RegExp(INVISIBLE, 'gu');
const BLANKS = new RegExp(`${WHITE_SPACE}+`, 'gu');
const EDGE = new RegExp(`^[${WHITE_SPACE}${INVISIBLE}]$`, 'u');
/** Words of visible ASCII with one space between them, as nearly every name. */
const PLAIN = /^[!-~]+(?: [!-~]+)*$/;
const VISIBLE_ENDS = /^[!-~](?:.*[!-~])?$/s;

/**
 * Normalizes a name of a payment method or a location: two names are the same when this makes them equal. Invisible
 * characters are removed, each run of white space becomes one space, none stays at the ends, canonically equal forms become
 * NFC, and case does not count. The SQL function `normal_name` gives the same result.
 *
 * NFC and not NFKC: compatibility forms are different names to an EMR, such as `Plan ①` and `Plan 1`, and an EMR that
 * lists both would become ambiguous.
 */
export function normalName(text: string): string {
  if (PLAIN.test(text)) return text.toLowerCase();
  return (
    text
      .replace(INVISIBLE_ONES, '')
      .replace(BLANKS, ' ')
      .replace(/^ | $/g, '')
      .normalize('NFC')
      .toLowerCase()
      // A capital sigma becomes one of two small ones by its neighbours, which SQL cannot see.
      .replaceAll('ς', 'σ')
      .normalize('NFC')
  );
}

/**
 * Normalizes an MRN, the same way in the import of patients and in every request: white space and invisible characters at
 * its ends do not count. Everything else counts, case included: two MRNs that differ in it can be two patients.
 */
export function normalMrn(text: string): string {
  if (VISIBLE_ENDS.test(text)) return text;
  const characters = [...text];
  const isEdge = (at: number) => EDGE.test(characters[at] ?? '');
  // Not one regular expression: from every blank inside, it would look again for the end.
  let start = 0;
  let end = characters.length;
  while (start < end && isEdge(start)) start += 1;
  while (end > start && isEdge(end - 1)) end -= 1;
  return characters.slice(start, end).join('');
}
