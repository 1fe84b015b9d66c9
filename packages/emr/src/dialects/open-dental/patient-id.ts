import type { PatientIdReader, PatientRowReader } from '../../dialect.ts';

/** The largest key of the database: a signed integer of 64 bits. */
const LARGEST = 9_223_372_036_854_775_807n;

/**
 * Reads a PatNum, the one unique id of a patient: digits, as exports have it. A number with leading zeros is refused, because it is more
 * likely a ChartNumber, which may be another patient's PatNum.
 */
export const readPatientId: PatientIdReader = (text) =>
  /^[1-9]\d{0,18}$/.test(text) && BigInt(text) <= LARGEST
    ? { ok: true, id: text }
    : { ok: false, problem: 'is not a PatNum: a whole number without leading zeros' };

/**
 * With `mrn_field` PatNum an MRN that has the form of a PatNum is one: a row that gives it another id would post one patient's money to
 * another. An MRN of another form is a name that the integrator has given, and the file says whose.
 */
export const contradiction: PatientRowReader = ({ mrn, emrPatientId }, { settings }) =>
  (settings.mrn_field ?? 'PatNum') === 'PatNum' &&
  mrn !== emrPatientId &&
  readPatientId(mrn, { baseUrl: '' }).ok
    ? 'the mrn is a PatNum, but not the one in emr_patient_id: for MRNs that are no PatNums connect with mrn_field=ChartNumber'
    : null;
