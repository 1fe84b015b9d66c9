/** Texts that a setting describes: `|` stands between alternatives, `*` for any text. No regular expression is built of it. */
export type TextPattern = readonly (readonly string[])[];

/** One blank for each run of white space, and small letters. */
const normal = (text: string): string => text.replace(/\s+/g, ' ').toLowerCase();

/** @throws Error when an alternative has no text: it would match everything. */
export function readTextPattern(name: string, text: string): TextPattern {
  const alternatives = normal(text)
    .split('|')
    .map((alternative) => alternative.split('*').filter((part) => part !== ''));
  if (alternatives.some((parts) => parts.every((part) => part.trim() === '')))
    throw new Error(`settings: ${name} has an alternative without a text, which would match everything`);
  return alternatives;
}

/** True when the parts of an alternative are in the text, in their order, wherever it begins. Case does not matter. */
export function matchesText(pattern: TextPattern, text: string): boolean {
  const searched = normal(text);
  return pattern.some((parts) => {
    let from = 0;
    return parts.every((part) => {
      const found = searched.indexOf(part, from);
      from = found + part.length;
      return found !== -1;
    });
  });
}
