/**
 * Shapes that a spreadsheet or a data frame leaves in the place of an id, and what the operator reads. Only shapes that ids do
 * not have: numbers with an exponent need its sign or a decimal point, because `12E3` may be an id. Not recognisable, and
 * so named in docs/operating.md: leading zeros that were lost, digits after the 15th that became 0, `2023-05-01`.
 */
const SHAPES: readonly { shape: RegExp; problem: string }[] = [
  {
    // Excel, LibreOffice, R and pandas write the sign; Java's Double writes `1.23E12`.
    shape: /^[+-]?(?:\d+(?:[.,]\d+)?e[+-]\d+|\d+[.,]\d+e\d+)$/i,
    problem: 'is a number in scientific notation: format the column as text where the file is made',
  },
  {
    shape: /^=/,
    problem: 'is a formula: export values, with the column formatted as text',
  },
  {
    shape: /^'/,
    problem: 'begins with an apostrophe, as spreadsheets mark text: it is not part of the id',
  },
  {
    // `#N/A`, `#REF!`, `#NAME?`, also of other languages: `#NV`, `#BEZUG!`, `#¡REF!`; LibreOffice: `Err:502`.
    shape: /^(?:#[\p{L}\d_/¡¿]+[!?]|#\p{L}{1,2}\/\p{L}{1,2}|#NV|#GETTING_DATA|Err:\d+)$/iu,
    problem: "is a spreadsheet's error value",
  },
  {
    shape: /^(?:null|\(null\)|<null>|\\n|none|nil|nan|-nan|<na>|n\/a|nat|undefined|true|false)$/i,
    problem: 'is a word for an empty or logical value',
  },
  {
    shape: /^[+-]?\d+[.,]0+$/,
    problem: 'ends in decimals: a program has taken it for a number',
  },
  {
    shape: /^\d{1,3}(?:,\d{3})+(?:\.\d+)?$/,
    problem: 'has separators of thousands: a program has taken it for a number',
  },
  {
    shape:
      /^(?:\d{1,2}-(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)(?:-\d{2,4})?|(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)-\d{2,4})$/i,
    problem: 'is a date as spreadsheets write it',
  },
  {
    shape: /^\d{4}-\d\d-\d\d[ T]\d\d:\d\d(?::\d\d(?:\.\d+)?)?Z?$/,
    problem: 'is a date with a time',
  },
  {
    // MySQL and writers without quotation marks put one before a separator or a line break that belongs to a cell.
    shape: /\\$/,
    problem: 'ends in a backslash: this file escapes with backslashes, and CSV does not',
  },
  {
    // `#####` of a column that was too narrow, `-`, `?`, `...`.
    shape: /^[^\p{L}\p{N}]+$/u,
    problem: 'has neither a letter nor a digit',
  },
];

/** Says what a program has done to an id; null when nothing can be seen. */
export function damageOf(text: string): string | null {
  return SHAPES.find(({ shape }) => shape.test(text))?.problem ?? null;
}
