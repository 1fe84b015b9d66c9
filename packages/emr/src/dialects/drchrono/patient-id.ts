import type { PatientIdReader } from '../../dialect.ts';
import { isPatientId } from './payment.ts';

/** Reads a patient's id: a whole number. The number of the chart (`chart_id`) is the MRN and not the id. */
export const readPatientId: PatientIdReader = (text) =>
  isPatientId(text) ? { ok: true, id: text } : { ok: false, problem: 'is not a whole number' };
