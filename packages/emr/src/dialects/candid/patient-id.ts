import type { PatientIdReader } from '../../dialect.ts';
import { isUsableId } from '../../usable-id.ts';

/** Reads the id that the practice's own system has for the patient (`patient_external_id`): any text without blanks at its ends. */
export const readPatientId: PatientIdReader = (text) =>
  isUsableId(text) ? { ok: true, id: text } : { ok: false, problem: 'has characters that an id cannot have' };
