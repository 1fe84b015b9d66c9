import { query, type StatementDeps } from '../core/statements.ts';

/** A patient of a user, as it is stored. Only an active one has an id. */
export type PatientRecord = {
  mrn: string;
  emrPatientId: string | null;
  state: 'active' | 'closed' | 'ambiguous';
  source: 'import' | 'lookup' | 'sync';
  syncedAt: Date;
};

/** The columns of a `PatientRecord`. */
export const PATIENT = `mrn, emr_patient_id AS "emrPatientId", state, source, synced_at AS "syncedAt"`;

const FIND = {
  name: 'find-patient',
  text: `SELECT ${PATIENT} FROM patients WHERE user_id = $1 AND mrn = $2`,
};

/** Finds the patient of a user by MRN; null when none is stored. */
export async function findPatient(
  deps: StatementDeps,
  { userId, mrn }: { userId: number; mrn: string },
): Promise<PatientRecord | null> {
  const [row] = await query<PatientRecord>(deps, FIND, [userId, mrn]);
  return row ?? null;
}
