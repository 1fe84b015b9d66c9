import { named } from '../core/named.ts';
import { query, type StatementDeps } from '../core/statements.ts';

/** An MRN of the file whose EMR patient id differs from the stored one. `line`: the first that has it. */
export type PatientChange = { line: number; mrn: string; stored: string; given: string };

/**
 * Lines of one MRN that do not agree on its EMR patient id, each list up to 20. `usable`: those of them that would have been
 * imported alone; the others were refused before.
 */
export type PatientConflict = { lines: readonly number[]; usable: readonly number[] };

export type SettleCounts = {
  added: number;
  unchanged: number;
  /** MRNs whose stored id would change. */
  changing: number;
  /** Rows that say the same as an earlier one. */
  repeated: number;
  /** Rows with a usable id whose MRN has another row with another id, or with one that was refused. */
  conflicting: number;
  /** Rows that were written. */
  written: number;
};

export type SettledPage = SettleCounts & {
  /** The last MRN of the page; null after the last page. */
  last: string | null;
  changes: readonly PatientChange[];
  conflicts: readonly PatientConflict[];
};

/** MRNs in one statement. A page takes well below a second. */
const PAGE = 5_000;

/**
 * Compares one page of the staged rows with the stored ones and writes what may be written. A stored id is replaced only when
 * changes are allowed: the condition on the conflict is the gate, whatever was committed since the comparison. A stored row
 * without an id (the EMR had none, or closed the patient's record) gets one: payments for it were refused, so nothing is redirected.
 */
const SETTLE = named({
  name: 'settle-patients',
  values: ['userId', 'after', 'write', 'allowChanges'],
  text: `
    WITH page AS MATERIALIZED (
      SELECT mrn, min(line) AS line, min(emr_patient_id) AS emr_patient_id,
             count(*)::int AS rows, count(emr_patient_id)::int AS usable, (array_agg(line ORDER BY line))[1:20] AS lines,
             (array_agg(line ORDER BY line) FILTER (WHERE emr_patient_id IS NOT NULL))[1:20] AS usable_lines,
             min(emr_patient_id) IS DISTINCT FROM max(emr_patient_id) OR bool_or(emr_patient_id IS NULL) AS doubtful
        FROM staged_patients WHERE mrn > :after GROUP BY mrn ORDER BY mrn LIMIT ${PAGE}
    ), compared AS MATERIALIZED (
      SELECT page.*, p.emr_patient_id AS stored,
             CASE WHEN doubtful THEN 'conflict' WHEN p.emr_patient_id IS NULL THEN 'added'
                  WHEN p.emr_patient_id = page.emr_patient_id THEN 'unchanged' ELSE 'changing' END AS kind
        FROM page LEFT JOIN LATERAL (SELECT emr_patient_id FROM patients
                                      WHERE user_id = :userId AND mrn = page.mrn COLLATE "default" LIMIT 1) p ON true
    ), written AS (
      INSERT INTO patients AS p (user_id, mrn, emr_patient_id)
      SELECT :userId, mrn, emr_patient_id FROM compared
       WHERE :write AND (kind = 'added' OR kind = 'changing' AND :allowChanges) ORDER BY mrn
      ON CONFLICT (user_id, mrn) DO UPDATE
        SET emr_patient_id = excluded.emr_patient_id, state = 'active', source = 'import', synced_at = now()
       WHERE p.emr_patient_id IS NULL OR :allowChanges
      RETURNING 1
    )
    SELECT max(mrn) AS last, (SELECT count(*)::int FROM written) AS written,
           count(*) FILTER (WHERE kind = 'added')::int AS added,
           count(*) FILTER (WHERE kind = 'unchanged')::int AS unchanged,
           count(*) FILTER (WHERE kind = 'changing')::int AS changing,
           coalesce(sum(rows - 1) FILTER (WHERE NOT doubtful), 0)::int AS repeated,
           coalesce(sum(usable) FILTER (WHERE doubtful), 0)::int AS conflicting,
           coalesce(jsonb_agg(jsonb_build_object('line', line, 'mrn', mrn, 'stored', stored, 'given', emr_patient_id))
                      FILTER (WHERE kind = 'changing'), '[]') AS changes,
           coalesce(jsonb_agg(jsonb_build_object('lines', lines, 'usable', usable_lines)) FILTER (WHERE doubtful AND usable > 0), '[]') AS conflicts
      FROM compared`,
});

/**
 * Settles the next page of staged rows, in the order of their MRNs.
 *
 * @param input.after the last MRN of the page before; '' for the first page.
 * @param input.write false: compare only.
 */
export async function settlePatients(
  deps: StatementDeps,
  input: { userId: number; after: string; write: boolean; allowChanges: boolean },
): Promise<SettledPage> {
  const [page] = await query<SettledPage>(deps, SETTLE, SETTLE.values(input));
  if (page === undefined) throw new Error('settle-patients returned no row');
  return page;
}
