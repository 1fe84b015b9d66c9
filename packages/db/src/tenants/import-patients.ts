import { type Actor, SYSTEM } from '../audit/entry.ts';
import { AUDIT_VALUES, auditCte, auditValues } from '../audit/record-audit.ts';
import type { Database } from '../core/database.ts';
import { named } from '../core/named.ts';
import { query, type StatementDeps } from '../core/statements.ts';

/** `emrPatientId` is null while the EMR has no id for the MRN: payments for that MRN are answered "not found". */
export type PatientEntry = { mrn: string; emrPatientId: string | null };

/** Result of a batch, in distinct MRNs. If an MRN occurs twice in it, the last entry counts. */
export type PatientCounts = { added: number; changed: number; unchanged: number };

/** Rows in one statement. */
const CHUNK = 5_000;

/** Rows that would not change are not written: repeating an import costs little. */
const IMPORT = named({
  name: 'import-patients',
  values: ['userId', 'mrns', 'emrPatientIds', ...AUDIT_VALUES],
  text: `
    WITH written AS (
      INSERT INTO patients AS p (user_id, mrn, emr_patient_id)
      SELECT :userId, mrn, emr_patient_id FROM unnest(:mrns::text[], :emrPatientIds::text[]) AS given (mrn, emr_patient_id)
       ORDER BY mrn
      ON CONFLICT (user_id, mrn) DO UPDATE SET emr_patient_id = excluded.emr_patient_id, synced_at = now()
       WHERE p.emr_patient_id IS DISTINCT FROM excluded.emr_patient_id
      RETURNING p.xmax = 0 AS fresh
    ), ${auditCte({ from: '(SELECT FROM written LIMIT 1) AS any_row' })}
    SELECT count(*) FILTER (WHERE fresh)::int AS added, count(*) FILTER (WHERE NOT fresh)::int AS changed FROM written`,
});

/** Writes one batch of at most a few thousand patients, all or nothing. */
export async function importPatientBatch(
  deps: StatementDeps,
  input: { userId: number; patients: readonly PatientEntry[]; by: Actor; publicId: string },
): Promise<PatientCounts> {
  const entries = [...new Map(input.patients.map((patient) => [patient.mrn, patient.emrPatientId]))];
  const audit = auditValues({
    ...input.by,
    action: 'patients.import',
    subject: `patients:${input.publicId}`,
    outcome: 'done',
    detail: { rows: entries.length },
  });
  const values = IMPORT.values({
    userId: input.userId,
    mrns: entries.map(([mrn]) => mrn),
    emrPatientIds: entries.map(([, emrPatientId]) => emrPatientId),
    ...audit,
  });
  const [counts = { added: 0, changed: 0 }] = await query<{ added: number; changed: number }>(
    deps,
    IMPORT,
    values,
  );
  return { ...counts, unchanged: entries.length - counts.added - counts.changed };
}

/**
 * Writes any number of patients, in batches: new MRNs are added, known ones get the id given here. The user's other
 * patients stay.
 *
 * @returns how many distinct MRNs were given. If an MRN is given twice, the last entry counts.
 */
export async function importPatients(
  { database }: { database: Database },
  { userId, patients }: { userId: number; patients: readonly PatientEntry[] },
): Promise<{ imported: number }> {
  const { publicId } = await database.prisma.user.findUniqueOrThrow({ where: { id: userId } });
  const entries = [...new Map(patients.map((patient) => [patient.mrn, patient]))].map(
    ([, patient]) => patient,
  );
  for (let from = 0; from < entries.length; from += CHUNK) {
    const chunk = entries.slice(from, from + CHUNK);
    await importPatientBatch({ database }, { userId, publicId, patients: chunk, by: SYSTEM });
  }
  return { imported: entries.length };
}
