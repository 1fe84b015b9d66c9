import { createReadStream, type ReadStream } from 'node:fs';
import type { PatientEntry } from '@emr-payments/db';
import { parse } from 'csv-parse/sync';
import { isLine } from '../arguments.ts';

/** A line that is left out, and why. The line's own text is not repeated: it is about a patient. */
export type BadRow = { line: number; problem: string };

export type Row = { line: number; patient: PatientEntry } | { line: number; problem: string };

/** The file as a whole cannot be used. */
export class PatientsFileError extends Error {
  override name = 'PatientsFileError';
}

const COLUMNS = ['mrn', 'emr_patient_id'] as const;

/** What the decoder puts in the place of bytes that are not UTF-8. */
const NOT_UTF8 = '�';

/**
 * The fields of one line, or null when its quotes do not match. A record is always one line here (neither id can hold
 * a line break), so a quote that is left open spoils its own line and not the rest of the file.
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

/** A line that is longer than this is no line of such a file. */
const LONGEST_LINE = 64 * 1024;

/** The lines of each chunk as it comes: what is read next waits until these have been dealt with. */
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
 * Reads `mrn,emr_patient_id` line by line, in flat memory. Further columns are passed over; empty lines too.
 *
 * @throws PatientsFileError when the first line does not name the columns.
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

/** Opens a file. Resolves when it is open, so that a missing one is known before anything else is done. */
export function openFile(path: string): Promise<ReadStream> {
  return new Promise((resolve, reject) => {
    const stream = createReadStream(path, { highWaterMark: 256 * 1024 });
    stream.once('open', () => resolve(stream));
    stream.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        new PatientsFileError(`The file cannot be read (${error.code ?? error.message}).`, { cause: error }),
      ),
    );
  });
}
