import type { PatientIdReader, PatientRowReader } from '../../dialect.ts';

/** athena's `patientid`: a whole number. */
export const readPatientId: PatientIdReader = (text) =>
  /^[1-9]\d{0,14}$/.test(text)
    ? { ok: true, id: text }
    : { ok: false, problem: 'is not an athena patient id, which is a whole number' };

/** With `mrn_field` patientid an MRN of that form is one: a row that gives it another id would post one patient's money to another. */
export const contradiction: PatientRowReader = ({ mrn, emrPatientId }, { settings }) =>
  settings.mrn_field === 'patientid' && mrn !== emrPatientId && readPatientId(mrn, { baseUrl: '' }).ok
    ? 'the mrn is an athena patient id, but not the one in emr_patient_id: for MRNs that are none connect with mrn_field=none'
    : null;
