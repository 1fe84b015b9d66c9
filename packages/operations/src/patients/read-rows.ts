import { normalMrn } from '@emr-payments/contracts';
import type { PatientEntry } from '@emr-payments/db';
import { damageOf } from './damage.ts';
import { PatientsFileError } from './file-error.ts';
import { isLine } from './line.ts';
import { type CsvRecord, readRecords } from './read-records.ts';

/** A row that is not imported, and why. Its text is not repeated: it identifies a patient. */
export type BadRow = { line: number; problem: string };

export type Row =
  | { line: number; patient: PatientEntry & { emrPatientId: string } }
  /** `mrn`: where it could be read. Another row of that MRN cannot be trusted either. */
  | (BadRow & { mrn: string | null });

/** Reads the EMR's patient id from a cell; the problem follows the name of the column. */
export type ReadId = (text: string) => { ok: true; id: string } | { ok: false; problem: string };

type RowReaders = {
  readId: ReadId;
  /** Says why a row contradicts the connection's settings; null when it does not. */
  contradiction?: (patient: { mrn: string; emrPatientId: string }) => string | null;
};

const COLUMNS = ['mrn', 'emr_patient_id'] as const;
type Column = (typeof COLUMNS)[number];

/** Programs write it in the place of a character that they could not decode. */
const LOST = '\uFFFD';

/** Characters that show nothing, such as a zero-width space: the same MRN, typed by a person, would be another one. */
const INVISIBLE = /\p{Default_Ignorable_Code_Point}/u;

/** Says what is wrong with the text of an MRN or an id, `is …`; null when nothing is. */
export function problemOf(value: string): string | null {
  if (value === '') return 'is empty';
  if (value.includes(LOST)) return 'has a character that was lost when the file was made';
  if (!isLine(value)) return 'is longer than 255 characters or has control characters';
  if (INVISIBLE.test(value)) return 'has an invisible character';
  return damageOf(value);
}

/** Reads the EMR patient id of a trimmed text, by the rules of every EMR and then by those of this one. */
export function idOf(text: string, readId: ReadId): ReturnType<ReadId> {
  const problem = problemOf(text);
  if (problem !== null) return { ok: false, problem };
  const read = readId(text);
  const inside = read.ok ? damageOf(read.id) : null;
  return inside === null ? read : { ok: false, problem: inside };
}

/**
 * Finds the header of another file that was appended to this one. Where it has the columns in other places, every row below it
 * would be read with MRN and id of the wrong columns.
 *
 * @throws PatientsFileError for columns in other places.
 */
function isHeaderAgain({ record, header }: { record: CsvRecord; header: readonly string[] }): boolean {
  const names = record.fields.map((field) => normalMrn(field).toLowerCase());
  if (!COLUMNS.every((column) => names.includes(column))) return false;
  if (names.length === header.length && COLUMNS.every((column) => names[header.indexOf(column)] === column))
    return true;
  throw new PatientsFileError(
    `Line ${record.line} names the columns again, in other places than the first line: import the files that were put together one by one. Nothing was written.`,
  );
}

function rowOf(input: { record: CsvRecord; header: readonly string[] } & RowReaders): Row {
  const { header, readId, contradiction } = input;
  const { line, fields } = input.record;
  if (isHeaderAgain(input)) return { line, problem: 'it repeats the names of the columns', mrn: null };
  if (fields.length !== header.length) {
    const breaks = fields.some((field) => /[\r\n]/.test(field))
      ? ', and a line break that the header does not have'
      : '';
    return {
      line,
      problem: `it has ${fields.length} fields instead of ${header.length}${breaks}`,
      mrn: null,
    };
  }
  const cell = (column: Column) => normalMrn(fields[header.indexOf(column)] ?? '');
  const mrn = cell('mrn');
  const text = cell('emr_patient_id');
  const problem = problemOf(mrn);
  if (problem !== null) return { line, problem: `mrn ${problem}`, mrn: null };
  const read = idOf(text, readId);
  if (!read.ok) return { line, problem: `emr_patient_id ${read.problem}`, mrn };
  const patient = { mrn, emrPatientId: read.id };
  const contradicted = contradiction?.(patient) ?? null;
  return contradicted === null ? { line, patient } : { line, problem: contradicted, mrn };
}

/**
 * Reads the columns `mrn` and `emr_patient_id` of a CSV file, record by record; memory use does not grow with the file.
 * Further columns and empty lines are ignored. MRNs are trimmed as in requests.
 *
 * @throws PatientsFileError when the file as a whole cannot be used.
 */
export async function* readRows({
  stream,
  ...readers
}: { stream: AsyncIterable<unknown> } & RowReaders): AsyncGenerator<Row> {
  for await (const { header, records } of readRecords({ stream, columns: COLUMNS })) {
    for (const record of records) {
      // An empty line, and the rows of separators that spreadsheets write for empty rows.
      if (record.fields.every((field) => field === '')) continue;
      yield rowOf({ record, header, ...readers });
    }
  }
}
