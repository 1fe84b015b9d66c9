import type { PatientEntry } from '@emr-payments/db';
import { parse } from 'csv-parse/sync';
import { isLine } from './line.ts';

/** A line that is not imported, and why. The line's text is not repeated: it identifies a patient. */
export type BadRow = { line: number; problem: string };

export type Row = { line: number; patient: PatientEntry } | { line: number; problem: string };

/** The file as a whole cannot be used. */
export class PatientsFileError extends Error {
  override name = 'PatientsFileError';
}

const COLUMNS = ['mrn', 'emr_patient_id'] as const;

/** The decoder's replacement for bytes that are not UTF-8. */
const NOT_UTF8 = '�';

/**
 * Splits one line into its fields; null when its quotes do not match. A record is always one line here (neither id can
 * contain a line break), so an unclosed quote makes its own line bad and not the rest of the file.
 */
function fieldsOf(text: string): string[] | null {
  if (!text.includes('"')) return text.split(',').map((field) => field.trim());
  try {
    const [fields] = parse(text, { trim: true, relax_column_count: true }) as string[][];
    return fields ?? [];
  } catch {
    return null;
  }
}

type Header = Record<(typeof COLUMNS)[number], number> & { width: number };

function readHeader(text: string): Header {
  const names = (fieldsOf(text) ?? []).map((name) => name.toLowerCase());
  const [mrn, emr_patient_id] = COLUMNS.map((column) => names.indexOf(column));
  if (mrn === undefined || emr_patient_id === undefined || mrn < 0 || emr_patient_id < 0) {
    throw new PatientsFileError('The first line must name the columns: mrn,emr_patient_id');
  }
  return { mrn, emr_patient_id, width: names.length };
}

function problemOf(column: (typeof COLUMNS)[number], value: string): string | null {
  if (value === '') return `${column} is empty`;
  if (value.includes(NOT_UTF8)) return `${column} is not UTF-8`;
  return isLine(value) ? null : `${column} is longer than 255 characters or has control characters`;
}

function rowOf(header: Header, line: number, text: string): Row {
  const fields = fieldsOf(text);
  if (fields === null) return { line, problem: 'the quotes do not match' };
  if (fields.length !== header.width) {
    return { line, problem: `it has ${fields.length} fields instead of ${header.width}` };
  }
  const mrn = fields[header.mrn] ?? '';
  const emrPatientId = fields[header.emr_patient_id] ?? '';
  const problem = problemOf('mrn', mrn) ?? problemOf('emr_patient_id', emrPatientId);
  return problem === null ? { line, patient: { mrn, emrPatientId } } : { line, problem };
}

/** Far above any real line (two ids of at most 255 characters): a longer one means that this is not such a file. */
const LONGEST_LINE = 64 * 1024;

/** Yields the lines of each chunk that is read. The next chunk is read only after the consumer has handled them. */
async function* linesOf(input: NodeJS.ReadableStream): AsyncGenerator<string[]> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of input) {
    const lines = (rest + decoder.decode(chunk as Buffer, { stream: true })).split(/\r?\n/);
    rest = lines.pop() ?? '';
    if (rest.length > LONGEST_LINE)
      throw new PatientsFileError('The file is not a CSV file: a line is too long.');
    yield lines;
  }
  rest += decoder.decode();
  if (rest !== '') yield [rest];
}

/**
 * Reads `mrn,emr_patient_id` line by line; memory use does not grow with the file. Further columns and empty lines are
 * ignored.
 *
 * @throws PatientsFileError when the file is empty, its first line does not name the columns, or a line is too long.
 */
export async function* readRows(input: NodeJS.ReadableStream): AsyncGenerator<Row> {
  let header: Header | undefined;
  let line = 0;
  for await (const lines of linesOf(input)) {
    for (const text of lines) {
      line += 1;
      if (header === undefined) header = readHeader(text);
      else if (text.trim() !== '') yield rowOf(header, line, text);
    }
  }
  if (header === undefined) throw new PatientsFileError('The file is empty.');
}
