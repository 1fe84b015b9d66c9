import { query, type StatementDeps } from '../core/statements.ts';

/** Reads posted payments along the index by user and time. Newer ones that wait, as for a login that has been broken for days, are passed over. */
const FIND = {
  name: 'find-last-paid',
  text: `
    SELECT DISTINCT ON (patient_mrn) patient_mrn AS mrn, emr_patient_id AS "emrPatientId"
      FROM (SELECT patient_mrn, emr_patient_id FROM payments WHERE user_id = $1 AND status = 'posted' ORDER BY created_at DESC, id DESC LIMIT 20) AS last
     LIMIT 3`,
};

/** Reads up to three patients to whom the last payments of a user were posted. */
export async function findLastPaid(
  deps: StatementDeps,
  { userId }: { userId: number },
): Promise<{ mrn: string; emrPatientId: string }[]> {
  return query<{ mrn: string; emrPatientId: string }>(deps, FIND, [userId]);
}
