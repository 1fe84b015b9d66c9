import { normalMrn } from '@emr-payments/contracts';
import { canonicalAdapterName, patientIdReader, patientRowReader } from '@emr-payments/emr';
import { idOf, problemOf } from './read-rows.ts';

/** How the user's EMR names patients. */
type ConnectionOfPatient = { adapter: string; baseUrl: string; settings: Readonly<Record<string, unknown>> };

export type ReadPatientOutcome =
  | { outcome: 'read'; mrn: string; emrPatientId: string }
  /** `problem` follows the name of the field. It quotes neither text. */
  | { outcome: 'bad'; field: 'mrn' | 'emr_patient_id'; problem: string }
  /** This version does not know the connection's adapter. */
  | { outcome: 'unknown_adapter' };

/** Reads one MRN with its EMR patient id by the rules of a row of a file: money is posted to the id. */
export function readPatient(
  given: { mrn: string; emrPatientId: string },
  { connection }: { connection: ConnectionOfPatient },
): ReadPatientOutcome {
  if (canonicalAdapterName(connection.adapter) === null) return { outcome: 'unknown_adapter' };
  const mrn = normalMrn(given.mrn);
  const problem = problemOf(mrn);
  if (problem !== null) return { outcome: 'bad', field: 'mrn', problem };
  const read = idOf(normalMrn(given.emrPatientId), patientIdReader(connection));
  if (!read.ok) return { outcome: 'bad', field: 'emr_patient_id', problem: read.problem };
  const patient = { mrn, emrPatientId: read.id };
  const contradicted = patientRowReader(connection)(patient);
  return contradicted === null
    ? { outcome: 'read', ...patient }
    : { outcome: 'bad', field: 'emr_patient_id', problem: contradicted };
}
