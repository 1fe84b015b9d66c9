import type { Actor } from '../audit/entry.ts';
import { recordAudit } from '../audit/record-audit.ts';
import type { Database } from '../core/database.ts';
import { named } from '../core/named.ts';
import { query } from '../core/statements.ts';
import { inRepeatableTransaction } from '../core/transaction.ts';

export type FoundPatient = {
  userId: number;
  publicId: string;
  mrn: string;
  emrPatientId: string;
  /** `ConnectionRecord.version` of the connection over which the patient was found: another one may be another EMR. */
  connectionVersion: string;
  /** True: a stored EMR patient id may be replaced. */
  allowChanges: boolean;
  /** False: the result is what would be written, and nothing is. */
  write: boolean;
  by: Actor;
};

export type StoredPatient =
  /** `held_back`: another id is stored, and changes are not allowed. `stored`: the id before this, null for none. */
  | { outcome: 'added' | 'unchanged' | 'changed' | 'held_back'; stored: string | null }
  /** The connection was replaced since the patient was found. */
  | { outcome: 'replaced' }
  /** Another program wrote the same MRN at the same time. */
  | { outcome: 'busy' };

type Row = { connected: number; written: number; stored: string | null };

/** The same gate as that of an import (`settle-patients`): the condition on the conflict, whatever was committed since the comparison. */
const STORE = named({
  name: 'store-found-patient',
  values: ['userId', 'mrn', 'emrPatientId', 'connectionVersion', 'allowChanges', 'write'],
  text: `
    WITH connection AS MATERIALIZED (
      SELECT user_id FROM connections
       WHERE user_id = :userId AND updated_at = :connectionVersion::timestamptz FOR SHARE
    ), written AS (
      INSERT INTO patients AS p (user_id, mrn, emr_patient_id, source)
      SELECT user_id, :mrn, :emrPatientId, 'lookup' FROM connection WHERE :write
      ON CONFLICT (user_id, mrn) DO UPDATE
        SET emr_patient_id = excluded.emr_patient_id, state = 'active', source = 'lookup', synced_at = now()
       WHERE p.emr_patient_id IS NULL OR :allowChanges AND p.emr_patient_id <> excluded.emr_patient_id
      RETURNING 1
    )
    SELECT (SELECT count(*)::int FROM connection) AS connected, (SELECT count(*)::int FROM written) AS written,
           (SELECT emr_patient_id FROM patients WHERE user_id = :userId AND mrn = :mrn) AS stored`,
});

function outcomeOf(
  { connected, written, stored }: Row,
  { emrPatientId, allowChanges, write }: FoundPatient,
): StoredPatient {
  if (connected === 0) return { outcome: 'replaced' };
  if (stored === emrPatientId) return { outcome: 'unchanged', stored };
  if (stored !== null && !allowChanges) return { outcome: 'held_back', stored };
  if (write && written === 0) return { outcome: 'busy' };
  return { outcome: stored === null ? 'added' : 'changed', stored };
}

/**
 * Stores a patient whom the EMR was asked for, by the rules of an import: a new MRN and one without an id are written, a stored id is
 * replaced only when changes are allowed. The audit log gets an entry in the same commit, also when nothing is written: the operator
 * sees which id is stored. No MRN and no id is in the entry.
 */
export async function storeFoundPatient(
  deps: { database: Pick<Database, 'pool'> },
  patient: FoundPatient,
): Promise<StoredPatient> {
  const { by, publicId, ...values } = patient;
  return inRepeatableTransaction<StoredPatient>(deps, async (tx) => {
    const [row] = await query<Row>(tx, STORE, STORE.values(values));
    if (row === undefined) throw new Error('store-found-patient returned no row');
    const value = outcomeOf(row, patient);
    await recordAudit(tx, {
      ...by,
      action: 'patients.find',
      subject: `patients:${publicId}`,
      outcome: 'done',
      detail: { found: value.outcome, dry_run: !patient.write },
    });
    return { commit: true, value };
  });
}
