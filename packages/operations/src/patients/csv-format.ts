import type { Options } from 'csv-parse';
import { parse as parseSync } from 'csv-parse/sync';
import { PatientsFileError } from './file-error.ts';
import { LONGEST } from './read-lines.ts';

/** A comma, and what spreadsheets write where the comma is the decimal sign, and as "text, separated by tabs". */
const DELIMITERS = [',', ';', '\t'];

export type Columns = readonly string[];

export type Format = { delimiter: string; lineBreak: '\r\n' | '\n' | '\r'; header: readonly string[] };

const QUOTE = 0x22;
const LF = 10;
const CR = 13;

/** Finds the line break that ends the first record; -1 when it is not there yet. */
export function endOfRecord(bytes: Buffer): number {
  let quoted = false;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (byte === QUOTE) quoted = !quoted;
    else if (!quoted && (byte === LF || byte === CR)) return at;
  }
  return -1;
}

export const optionsOf = (format: Omit<Format, 'header'>): Options => ({
  delimiter: format.delimiter,
  record_delimiter: format.lineBreak,
  trim: true,
  relax_column_count: true,
  max_record_size: LONGEST,
});

/** Reads the header with this delimiter; an empty list when it is not the delimiter of this file. */
function namesBy({ delimiter, lineBreak }: Omit<Format, 'header'>, header: Buffer): string[] {
  try {
    const [fields = []] = parseSync(header, optionsOf({ delimiter, lineBreak })) as string[][];
    return fields.map((name) => name.trim().toLowerCase());
  } catch {
    return [];
  }
}

function headerProblem(columns: Columns, names: readonly string[]): string | null {
  const missing = columns.filter((column) => !names.includes(column));
  if (missing.length === columns.length) return `The first line must name the columns: ${columns.join(',')}`;
  if (missing.length > 0) return `The first line does not name the column ${missing.join(', ')}.`;
  const twice = columns.find((column) => names.indexOf(column) !== names.lastIndexOf(column));
  return twice === undefined ? null : `The first line names the column ${twice} twice: rename one of them.`;
}

/** CR, LF or CRLF at this place. At the end of a file without one it does not matter. */
function lineBreakAt(bytes: Buffer, at: number): Format['lineBreak'] {
  if (bytes[at] !== CR) return '\n';
  return bytes[at + 1] === LF ? '\r\n' : '\r';
}

/**
 * Decides by the header alone what separates fields and what ends a record. Nothing in a later line can change it: writers
 * quote a cell with their own line break in it, but not always one with another (csv-stringify, for example), and the rest
 * of such a cell would be read as a record. In a file of LF, a CR before it is removed as white space.
 */
export function formatOf(columns: Columns, bytes: Buffer): Format {
  const end = endOfRecord(bytes);
  const header = end < 0 ? bytes : bytes.subarray(0, end);
  const lineBreak = lineBreakAt(bytes, end);
  const readings = DELIMITERS.map((delimiter) => ({
    delimiter,
    names: namesBy({ delimiter, lineBreak }, header),
  }));
  const fitting = readings.filter(({ names }) => columns.every((column) => names.includes(column)));
  const [found = readings.find(({ names }) => columns.some((column) => names.includes(column))), other] =
    fitting;
  const problem = headerProblem(columns, found?.names ?? []);
  if (problem !== null || found === undefined) throw new PatientsFileError(problem ?? '');
  if (other !== undefined) {
    throw new PatientsFileError('The first line can be read with two different separators of fields.');
  }
  return { delimiter: found.delimiter, lineBreak, header: found.names };
}
