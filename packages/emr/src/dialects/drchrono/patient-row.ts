import { normalMrn, type OurSentence, sentence } from '@emr-payments/contracts';
import { type Static, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import type { ListedPatient } from '../../patients.ts';
import { IdSchema } from './payment.ts';

/**
 * The members of a patient that are read, out of all that the list has (https://app.drchrono.com/api-docs/, patients). Names, birth dates
 * and the rest are dropped with the parsed answer. A chart id that is no text has lost its zeros.
 */
export const PatientSchema = Type.Object({
  id: IdSchema,
  chart_id: Type.Optional(Type.String()),
  patient_status: Type.Union([Type.Literal('A'), Type.Literal('I'), Type.Literal('D')]),
});
export type PatientRow = Static<typeof PatientSchema>;

/** The number of the chart, which is the MRN; null where the chart has none. */
export function mrnOf({ chart_id = '' }: PatientRow): string | null {
  const mrn = normalMrn(chart_id);
  return mrn === '' ? null : mrn;
}

/**
 * Says why no payment should go to a chart; null when it may. "You can't delete or merge duplicate patient charts. Instead, mark the
 * duplicate chart as inactive", and an inactive chart, also a deceased patient's, "is no longer searchable in most areas, such as the Live
 * Claims Feed or Patient Payments" (https://support.drchrono.com/home/deactivate-patient-charts): nobody would see the money there.
 */
export function closedReason({ patient_status: status }: PatientRow): OurSentence | null {
  if (status === 'A') return null;
  return status === 'D'
    ? sentence`The patient's chart is inactive in the EMR because the patient is deceased.`
    : sentence`The patient's chart is inactive in the EMR, as a duplicate of another chart is.`;
}

/** @returns null for a row that cannot be read. */
export function listedPatient(row: unknown): ListedPatient | null {
  if (!Value.Check(PatientSchema, row)) return null;
  const state = closedReason(row) === null ? 'active' : 'closed';
  return { mrn: mrnOf(row), emrPatientId: String(row.id), state };
}
