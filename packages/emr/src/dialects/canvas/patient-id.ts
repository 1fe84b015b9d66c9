import type { PatientIdReader } from '../../dialect.ts';

/** The id of a Canvas patient, 32 hex digits or another FHIR id, alone or as `Patient/…` (https://docs.canvasmedical.com/api/patient). */
export const readPatientId: PatientIdReader = (text) => {
  const [, id] = /^(?:Patient\/)?([A-Za-z0-9.-]{1,64})$/.exec(text) ?? [];
  return id === undefined
    ? { ok: false, problem: 'is not the id of a Canvas patient, nor Patient/ followed by one' }
    : { ok: true, id };
};
