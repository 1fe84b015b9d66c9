import {
  type Actor,
  type Database,
  openPatientImport,
  type PatientChange,
  type PatientImportResult,
  type SharedIds,
  type StagedPatient,
} from '@emr-payments/db';
import { canonicalAdapterName, patientIdReader, patientRowReader } from '@emr-payments/emr';
import { PatientsFileError } from './file-error.ts';
import { type BadRow, type Row, readRows } from './read-rows.ts';

/** Rows in one statement of the staging. */
const BATCH = 5_000;

/** All bad rows are counted; this many are listed. */
export const LISTED_BAD_ROWS = 1_000;

export type ImportReport = {
  outcome: 'imported';
  dryRun: boolean;
  added: number;
  changed: number;
  unchanged: number;
  /** Rows that say the same as an earlier one. */
  repeated: number;
  /** Rows that are refused, and those of them that are listed, by line. */
  bad: number;
  badRows: BadRow[];
  /** MRNs that keep their stored id, because changes are not allowed. */
  heldBack: number;
  /** Rows that changed a mapping or were held back, by line, up to a thousand. */
  changes: PatientChange[];
  sharedIds: SharedIds;
};

export type ImportOutcome =
  | ImportReport
  /** The file has no record besides its header. */
  | { outcome: 'no_record' }
  /** The user has no connection: how its EMR names patients is not known. */
  | { outcome: 'no_connection' }
  | { outcome: 'busy' };

/**
 * How the user's EMR names patients. `settings`: those of the connection, as they are stored. `version`: nothing is written once the
 * connection has another one.
 */
type ConnectionOfFile = { adapter: string; baseUrl: string; settings: unknown; version?: string };

type ImportInput = {
  stream: AsyncIterable<unknown>;
  user: { id: number; publicId: string; connection: ConnectionOfFile | null };
  by: Actor;
  /** True: a stored EMR patient id may be replaced. */
  allowChanges: boolean;
  /** True: nothing is written; the report says what would be. */
  dryRun: boolean;
  /** A file with more rows cannot be used. Without it there is no bound. */
  mostRows?: number;
  /** Called after each batch with the rows read so far. */
  onProgress?: (rows: number) => void;
};

type Settled = Extract<PatientImportResult, { outcome: 'settled' }>;

/** Names each row whose MRN has another row that contradicts it. */
function conflictRows(conflicts: Settled['conflicts']): BadRow[] {
  return conflicts.flatMap(({ lines, usable }) =>
    usable.map((line) => ({
      line,
      problem: `the rows of its mrn do not agree on a usable emr_patient_id: lines ${lines.join(', ')}`,
    })),
  );
}

function reportOf(
  settled: Settled,
  input: ImportInput & { bad: number; badRows: readonly BadRow[] },
): ImportReport {
  const { added, changing, unchanged, repeated, changes, conflicts, conflicting, shared } = settled;
  const { allowChanges, dryRun, bad, badRows } = input;
  const contradicting = conflictRows(conflicts);
  return {
    outcome: 'imported',
    dryRun,
    added,
    changed: allowChanges ? changing : 0,
    unchanged,
    repeated,
    bad: bad + conflicting,
    badRows: [...badRows, ...contradicting].sort((a, b) => a.line - b.line).slice(0, LISTED_BAD_ROWS),
    heldBack: allowChanges ? 0 : changing,
    changes,
    sharedIds: shared,
  };
}

const stagedOf = (row: Row): StagedPatient | null => {
  if ('patient' in row) return { line: row.line, ...row.patient };
  return row.mrn === null ? null : { line: row.line, mrn: row.mrn, emrPatientId: null };
};

/**
 * Imports the patients of a CSV file. Nothing is written before the file was read to its end; then every row that is certain
 * is written, all in one transaction, and every other row is refused by line and reason: a row with an unusable cell, the rows
 * of an MRN that do not agree on its EMR patient id, and, unless changes are allowed, a row that would replace a stored id.
 *
 * @throws PatientsFileError when the file as a whole cannot be used.
 */
export async function importFile(
  { database }: { database: Pick<Database, 'pool'> },
  input: ImportInput,
): Promise<ImportOutcome> {
  const { stream, user, by, allowChanges, dryRun, mostRows, onProgress } = input;
  const { connection } = user;
  if (connection === null || canonicalAdapterName(connection.adapter) === null)
    return { outcome: 'no_connection' };
  const { adapter } = connection;
  const readId = patientIdReader(connection);
  const contradiction = patientRowReader({
    adapter,
    settings: connection.settings as Record<string, unknown>,
  });

  return openPatientImport(
    { database },
    { userId: user.id, publicId: user.publicId, connectionVersion: connection.version },
    async (patientImport): Promise<ImportOutcome> => {
      const badRows: BadRow[] = [];
      let bad = 0;
      let rows = 0;
      let batch: StagedPatient[] = [];
      const flush = async (): Promise<void> => {
        if (batch.length > 0) await patientImport.stage(batch);
        batch = [];
        onProgress?.(rows);
      };
      for await (const row of readRows({ stream, readId, contradiction })) {
        rows += 1;
        if (mostRows !== undefined && rows > mostRows)
          throw new PatientsFileError(
            `It has more than ${mostRows.toLocaleString('en-US')} rows: send it in parts, each with the line that names the columns. Nothing was written.`,
          );
        if ('problem' in row) {
          bad += 1;
          if (badRows.length < LISTED_BAD_ROWS) badRows.push({ line: row.line, problem: row.problem });
        }
        const staged = stagedOf(row);
        if (staged !== null) batch.push(staged);
        if (batch.length === BATCH) await flush();
      }
      if (rows === 0) return { outcome: 'no_record' };
      await flush();
      const settled = await patientImport.settle({
        write: !dryRun,
        allowChanges,
        by,
        leftOut: bad,
      });
      return settled.outcome === 'busy' ? settled : reportOf(settled, { ...input, bad, badRows });
    },
  );
}
