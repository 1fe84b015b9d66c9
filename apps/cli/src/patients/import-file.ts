import {
  type Actor,
  type Database,
  importPatientBatch,
  type PatientCounts,
  type PatientEntry,
} from '@emr-payments/db';
import { type BadRow, readRows } from './read-rows.ts';

/** Rows in one statement, which is written whole or not at all. */
const BATCH = 5_000;

/** Bad rows are all counted; this many are listed. */
export const LISTED_BAD_ROWS = 1_000;

export type ImportReport = PatientCounts & { bad: number; badRows: BadRow[] };

/**
 * Takes a file over, batch by batch. Stopping it loses at most the batch under way; run again, it passes over what is
 * so already.
 *
 * @param input.onProgress called after each batch with the rows so far.
 */
export async function importFile(
  { database, by }: { database: Pick<Database, 'pool'>; by: Actor },
  input: {
    stream: NodeJS.ReadableStream;
    user: { id: number; publicId: string };
    onProgress: (rows: number) => void;
  },
): Promise<ImportReport> {
  const { stream, user, onProgress } = input;
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
    onProgress(rows + report.bad);
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
