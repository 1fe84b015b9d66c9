import {
  type Actor,
  type Database,
  importPatientBatch,
  type PatientCounts,
  type PatientEntry,
} from '@emr-payments/db';
import { type BadRow, readRows } from './read-rows.ts';

/** Rows in one statement, which writes all of them or none. */
const BATCH = 5_000;

/** All bad rows are counted; this many are listed. */
export const LISTED_BAD_ROWS = 1_000;

export type ImportReport = PatientCounts & { bad: number; badRows: BadRow[] };

/**
 * Writes the patients of a CSV file, batch by batch. A run that is stopped loses at most its current batch; the next run
 * skips the rows that are already stored as the file says.
 *
 * @param input.onProgress called after each batch with the rows so far.
 * @throws PatientsFileError when the file as a whole cannot be used.
 */
export async function importFile(
  { database }: { database: Pick<Database, 'pool'> },
  input: {
    stream: NodeJS.ReadableStream;
    user: { id: number; publicId: string };
    by: Actor;
    onProgress?: (rows: number) => void;
  },
): Promise<ImportReport> {
  const { stream, user, by, onProgress } = input;
  const report: ImportReport = { added: 0, changed: 0, unchanged: 0, bad: 0, badRows: [] };
  let batch: PatientEntry[] = [];
  let rows = 0;

  const flush = async (): Promise<void> => {
    if (batch.length === 0) return;
    const patients = batch;
    batch = [];
    const counts = await importPatientBatch(
      { database },
      { userId: user.id, publicId: user.publicId, patients, by },
    );
    report.added += counts.added;
    report.changed += counts.changed;
    report.unchanged += counts.unchanged;
    rows += patients.length;
    onProgress?.(rows + report.bad);
  };

  for await (const row of readRows(stream)) {
    if ('patient' in row) batch.push(row.patient);
    else {
      report.bad += 1;
      if (report.badRows.length < LISTED_BAD_ROWS) report.badRows.push(row);
    }
    if (batch.length === BATCH) await flush();
  }
  await flush();
  return report;
}
