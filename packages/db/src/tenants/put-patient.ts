import type { Actor } from '../audit/entry.ts';
import { recordAudit } from '../audit/record-audit.ts';
import type { Database } from '../core/database.ts';
import { named } from '../core/named.ts';
import { query } from '../core/statements.ts';
import { inRepeatableTransaction } from '../core/transaction.ts';
import { PATIENT, type PatientRecord } from './find-patient.ts';

export type PutPatient = {
  userId: number;
  publicId: string;
  mrn: string;
  emrPatientId: string;
  /** `ConnectionRecord.version` of the connection by whose rules the id was read: another one may be another EMR. */
  connectionVersion: string;
  by: Actor;
};

export type PutPatientResult =
  /** `unchanged`: nothing was written. */
  | { outcome: 'added' | 'changed' | 'unchanged'; patient: PatientRecord }
  /** The connection was replaced since the id was read. */
  | { outcome: 'replaced' };

/** The connection stays as it is until the commit, and so does the patient: the entry says what was there before. */
const LOCK = named({
  name: 'lock-patient-to-put',
  values: ['userId', 'mrn', 'connectionVersion'],
  text: `
    WITH connection AS MATERIALIZED (
      SELECT user_id FROM connections
       WHERE user_id = :userId AND updated_at = :connectionVersion::timestamptz FOR SHARE
    ), stored AS MATERIALIZED (
      SELECT ${PATIENT} FROM patients WHERE user_id = :userId AND mrn = :mrn FOR UPDATE
    )
    SELECT stored.*, true AS connected FROM connection LEFT JOIN stored ON true`,
});

/** A row that was not there to be locked is not changed: somebody else has just written it. */
const PUT = named({
  name: 'put-patient',
  values: ['userId', 'mrn', 'emrPatientId', 'known'],
  text: `
    INSERT INTO patients (user_id, mrn, emr_patient_id) VALUES (:userId, :mrn, :emrPatientId)
    ON CONFLICT (user_id, mrn) DO UPDATE
      SET emr_patient_id = excluded.emr_patient_id, state = 'active', source = 'import', synced_at = now()
     WHERE :known::bool
    RETURNING ${PATIENT}`,
});

type Locked = { connected: true } & (PatientRecord | { [Column in keyof PatientRecord]: null });

/**
 * Stores the EMR patient id of an MRN because a person says so: it replaces a stored one, and the next payment goes there. The audit log
 * gets an entry in the same commit, with neither the MRN nor an id. One that is stored already is left alone.
 */
export async function putPatient(
  deps: { database: Pick<Database, 'pool'> },
  { publicId, by, ...values }: PutPatient,
): Promise<PutPatientResult> {
  const { userId, mrn, emrPatientId, connectionVersion } = values;
  return inRepeatableTransaction<PutPatientResult>(deps, async (tx) => {
    const find = async () =>
      (await query<Locked>(tx, LOCK, LOCK.values({ userId, mrn, connectionVersion })))[0];
    for (let locked = await find(); locked !== undefined; locked = await find()) {
      const { connected: _connected, ...stored } = locked;
      const known = stored.mrn !== null;
      if (known && stored.emrPatientId === emrPatientId)
        return { commit: false, value: { outcome: 'unchanged', patient: stored } };
      const written = PUT.values({ userId, mrn, emrPatientId, known });
      const [patient] = await query<PatientRecord>(tx, PUT, written);
      if (patient === undefined) continue;
      // A row without an id is one for which payments were refused: nothing is redirected by its first id.
      const outcome = stored.emrPatientId === null ? 'added' : 'changed';
      await recordAudit(tx, {
        ...by,
        action: 'patients.put',
        subject: `patients:${publicId}`,
        outcome: 'done',
        detail: { stored: outcome },
      });
      return { commit: true, value: { outcome, patient } };
    }
    return { commit: false, value: { outcome: 'replaced' } };
  });
}
