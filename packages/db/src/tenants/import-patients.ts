import { normalMrn } from '@emr-payments/contracts';
import { type Actor, SYSTEM } from '../audit/entry.ts';
import { AUDIT_VALUES, auditCte, auditValues } from '../audit/record-audit.ts';
import type { Database } from '../core/database.ts';
import { named } from '../core/named.ts';
import { query, type StatementDeps } from '../core/statements.ts';

/** `emrPatientId` is null while the EMR has no id for the MRN: payments for that MRN are answered "not found". */
export type PatientEntry = { mrn: string; emrPatientId: string | null };

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
       ORDER BY mrn COLLATE "C"
      ON CONFLICT (user_id, mrn) DO UPDATE
        SET emr_patient_id = excluded.emr_patient_id, state = 'active', source = 'import', synced_at = now()
       WHERE p.emr_patient_id IS DISTINCT FROM excluded.emr_patient_id
      RETURNING 1
    ), ${auditCte({ from: '(SELECT FROM written LIMIT 1) AS any_row' })}
    SELECT count(*)::int AS rows FROM written`,
});

async function importChunk(
  deps: StatementDeps,
  input: {
    userId: number;
    entries: readonly (readonly [string, string | null])[];
    by: Actor;
    publicId: string;
  },
): Promise<void> {
  const { userId, entries, by, publicId } = input;
  const audit = auditValues({
    ...by,
    action: 'patients.import',
    subject: `patients:${publicId}`,
    outcome: 'done',
    detail: { rows: entries.length },
  });
  const mrns = entries.map(([mrn]) => mrn);
  const emrPatientIds = entries.map(([, emrPatientId]) => emrPatientId);
  await query(deps, IMPORT, IMPORT.values({ userId, mrns, emrPatientIds, ...audit }));
}

/**
 * Writes patients that a program of ours knows, such as those of the demo: new MRNs are added, and known ones get the id given
 * here. An operator's file goes through `openPatientImport`, which replaces nothing unasked. The user's other patients stay.
 * MRNs are trimmed as in requests.
 *
 * @returns the number of distinct MRNs.
 * @throws Error when an MRN is given two different ids: which of them is right cannot be known.
 */
export async function importPatients(
  { database }: { database: Database },
  { userId, patients }: { userId: number; patients: readonly PatientEntry[] },
): Promise<{ imported: number }> {
  const { publicId } = await database.prisma.user.findUniqueOrThrow({ where: { id: userId } });
  const byMrn = new Map<string, string | null>();
  for (const { mrn: text, emrPatientId } of patients) {
    const mrn = normalMrn(text);
    const earlier = byMrn.get(mrn);
    if (earlier !== undefined && earlier !== emrPatientId) {
      throw new Error('an MRN is given two EMR patient ids');
    }
    byMrn.set(mrn, emrPatientId);
  }
  const entries = [...byMrn];
  for (let from = 0; from < entries.length; from += CHUNK) {
    const chunk = entries.slice(from, from + CHUNK);
    await importChunk({ database }, { userId, publicId, entries: chunk, by: SYSTEM });
  }
  return { imported: entries.length };
}
