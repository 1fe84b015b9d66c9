import type { PoolClient } from 'pg';
import type { Actor } from '../audit/entry.ts';
import { recordAudit } from '../audit/record-audit.ts';
import type { Database } from '../core/database.ts';
import { named } from '../core/named.ts';
import { isConflict, query, type StatementDeps, unavailableAsSuch } from '../core/statements.ts';
import { onceMoreAfterConflict, onOneConnection, transactOn } from '../core/transaction.ts';
import {
  type PatientChange,
  type PatientConflict,
  type SettleCounts,
  settlePatients,
} from './settle-patients.ts';

/** A row of a file. `emrPatientId` is null when the row has its MRN but no usable id: other rows of that MRN are then in doubt. */
export type StagedPatient = { line: number; mrn: string; emrPatientId: string | null };

/** Ids that several MRNs of the file have, as after a merge of charts: how many, and where the first of them begin. */
export type SharedIds = { count: number; lines: readonly number[] };

export type PatientImportResult =
  | ({
      outcome: 'settled';
      changes: PatientChange[];
      conflicts: PatientConflict[];
      shared: SharedIds;
    } & SettleCounts)
  /**
   * Another import of this user's patients is being written, or wrote what this one compared with, or the connection by whose rules the ids
   * were read was replaced. Nothing was written.
   */
  | { outcome: 'busy' };

export type SettleInput = {
  /** False: the result is what would be written, and nothing is. */
  write: boolean;
  allowChanges: boolean;
  by: Actor;
  /** Rows that were refused before, for the audit log. */
  leftOut: number;
};

export type PatientImport = {
  stage(rows: readonly StagedPatient[]): Promise<void>;
  settle(input: SettleInput): Promise<PatientImportResult>;
};

type ImportOwner = {
  userId: number;
  publicId: string;
  /** `ConnectionRecord.version` of the connection by whose rules the ids are read: another one may be another EMR. */
  connectionVersion?: string | undefined;
};

/** Class of the advisory locks of patient imports; the second key is the user. */
const IMPORT_LOCK = 0x70617469;

/** Entries of each list in the result. */
const LISTED = 1_000;

/**
 * A temporary table: it is gone when the connection ends, however it ends. Collation "C" is the fastest to sort by, and the
 * index makes every page a short statement, however long the file is.
 */
const OPEN = `
  SET temp_buffers = '64MB';
  CREATE TEMPORARY TABLE staged_patients (line int NOT NULL, mrn text COLLATE "C" NOT NULL, emr_patient_id text);
  CREATE INDEX ON staged_patients (mrn, line);`;

const STAGE = named({
  name: 'stage-patients',
  values: ['lines', 'mrns', 'emrPatientIds'],
  text: `
    INSERT INTO staged_patients (line, mrn, emr_patient_id)
    SELECT * FROM unnest(:lines::int[], :mrns::text[], :emrPatientIds::text[])`,
});

/** The one statement that reads all rows at once. */
const SHARED_MS = 120_000;
const SHARED = {
  name: 'shared-patient-ids',
  query_timeout: SHARED_MS + 1_000,
  text: `
    WITH shared AS MATERIALIZED (
      SELECT min(line) AS line FROM staged_patients
       WHERE emr_patient_id IS NOT NULL GROUP BY emr_patient_id HAVING min(mrn) <> max(mrn)
    ), first AS (SELECT line FROM shared ORDER BY line LIMIT ${LISTED})
    SELECT (SELECT count(*)::int FROM shared) AS count,
           (SELECT coalesce(array_agg(line ORDER BY line), '{}') FROM first) AS lines`,
};

const LOCK = {
  name: 'lock-patient-import',
  text: 'SELECT pg_try_advisory_xact_lock($1, $2) AS alone',
};

/** The connection stays as it is until the commit. */
const SAME_CONNECTION = {
  name: 'same-connection-of-import',
  text: 'SELECT 1 FROM connections WHERE user_id = $1 AND updated_at = $2::timestamptz FOR SHARE',
};

async function settleAll(
  tx: StatementDeps,
  input: SettleInput & { userId: number },
): Promise<Extract<PatientImportResult, { outcome: 'settled' }>> {
  const { userId, write, allowChanges } = input;
  const [shared = { count: 0, lines: [] }] = await query<SharedIds>(tx, SHARED, []);
  const counts = { added: 0, unchanged: 0, changing: 0, repeated: 0, conflicting: 0, written: 0 };
  const changes: PatientChange[] = [];
  const conflicts: PatientConflict[] = [];
  for (let after: string | null = ''; after !== null; ) {
    const page = await settlePatients(tx, { userId, after, write, allowChanges });
    for (const name of Object.keys(counts) as (keyof SettleCounts)[]) counts[name] += page[name];
    changes.push(...page.changes.slice(0, LISTED - changes.length));
    conflicts.push(...page.conflicts.slice(0, LISTED - conflicts.length));
    after = page.last;
  }
  changes.sort((a, b) => a.line - b.line);
  return { outcome: 'settled', ...counts, changes, conflicts, shared };
}

async function settle(client: PoolClient, input: SettleInput & ImportOwner): Promise<PatientImportResult> {
  const { userId, publicId, connectionVersion, write, allowChanges, by, leftOut } = input;
  await unavailableAsSuch(client.query('ANALYZE staged_patients'));
  return transactOn<PatientImportResult>(client, async (tx) => {
    await unavailableAsSuch(client.query(`SET LOCAL statement_timeout = ${SHARED_MS}`));
    const [lock] = await query<{ alone: boolean }>(tx, LOCK, [IMPORT_LOCK, userId]);
    if (lock?.alone !== true) return { commit: false, value: { outcome: 'busy' } };
    if (connectionVersion !== undefined) {
      const same = await query(tx, SAME_CONNECTION, [userId, connectionVersion]);
      if (same.length === 0) return { commit: false, value: { outcome: 'busy' } };
    }
    const settled = await settleAll(tx, input);
    const changed = allowChanges ? settled.changing : 0;
    if (!write || settled.added + changed === 0) return { commit: false, value: settled };
    // Whatever else writes patients takes no lock: then the comparison is out of date.
    if (settled.written !== settled.added + changed) return { commit: false, value: { outcome: 'busy' } };
    await recordAudit(tx, {
      ...by,
      action: 'patients.import',
      subject: `patients:${publicId}`,
      outcome: 'done',
      detail: {
        added: settled.added,
        changed,
        unchanged: settled.unchanged,
        left_out: leftOut + settled.conflicting,
        held_back: settled.changing - changed,
      },
    });
    return { commit: true, value: settled };
  });
}

/**
 * Imports a user's patients in two steps: first all rows of the file are staged, then all of them are compared with each other
 * and with the stored ones and written in one transaction. So a file that turns out to be unusable at its end has written
 * nothing, and neither has a process that was stopped. Memory use does not grow with the file.
 *
 * @param work stages the rows and then settles once, or gives up by returning or throwing.
 */
export async function openPatientImport<T>(
  deps: { database: Pick<Database, 'pool'> },
  owner: ImportOwner,
  work: (patientImport: PatientImport) => Promise<T>,
): Promise<T> {
  // The connection is not kept: closing it drops the staged rows.
  return onOneConnection(deps, async (client) => {
    await unavailableAsSuch(client.query(OPEN));
    return work({
      async stage(rows) {
        const values = STAGE.values({
          lines: rows.map(({ line }) => line),
          mrns: rows.map(({ mrn }) => mrn),
          emrPatientIds: rows.map(({ emrPatientId }) => emrPatientId),
        });
        await query({ database: { pool: client } }, STAGE, values);
      },
      settle: (input) =>
        onceMoreAfterConflict(async () => {
          try {
            return await settle(client, { ...input, ...owner });
          } catch (error) {
            // The staged rows were committed before.
            if (isConflict(error)) await unavailableAsSuch(client.query('ROLLBACK'));
            throw error;
          }
        }),
    });
  });
}
