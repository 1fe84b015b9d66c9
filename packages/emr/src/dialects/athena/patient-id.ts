import type { PatientIdReader } from '../../adapter.ts';

/** athena's `patientid`: a whole number. */
export const readPatientId: PatientIdReader = (text) =>
  /^[1-9]\d{0,14}$/.test(text)
    ? { ok: true, id: text }
    : { ok: false, problem: 'is not an athena patient id, which is a whole number' };
