import type { Database } from '../database.ts';

/** `emrPatientId` is null while the EMR has none: payments for that MRN are answered "not found". */
export type PatientEntry = { mrn: string; emrPatientId: string | null };

/** Rows in one statement. */
const CHUNK = 5_000;

/**
 * Takes over what a sync found: new MRNs are added, known ones get the id given here. Others of the user stay.
 *
 * @returns how many distinct MRNs were written. Of an MRN that is given twice the last entry counts.
 */
export async function importPatients(
  { database }: { database: Database },
  { userId, patients }: { userId: number; patients: readonly PatientEntry[] },
): Promise<{ imported: number }> {
  const entries = [...new Map(patients.map((patient) => [patient.mrn, patient.emrPatientId]))];
  for (let from = 0; from < entries.length; from += CHUNK) {
    const chunk = entries.slice(from, from + CHUNK);
    const mrns = chunk.map(([mrn]) => mrn);
    const emrPatientIds = chunk.map(([, emrPatientId]) => emrPatientId);
    await database.prisma.$executeRaw`
      INSERT INTO patients (user_id, mrn, emr_patient_id)
      SELECT ${userId}::int, mrn, emr_patient_id
      FROM unnest(${mrns}::text[], ${emrPatientIds}::text[]) AS given (mrn, emr_patient_id)
      ON CONFLICT (user_id, mrn) DO UPDATE SET emr_patient_id = excluded.emr_patient_id, synced_at = now()`;
  }
  return { imported: entries.length };
}
