// The practice that every EMR of the suite has: its patients, locations and payment methods. The sandbox brings the same.

export const PATIENTS = ['MRN-12345', 'MRN-12346', 'MRN-12347', 'MRN-12348', 'MRN-12349'] as const;
const FIRST_PATIENT_ID = 1001;
/** The EMR's id of the patient at this place in `PATIENTS`. */
export const patientIdOf = (place: number): string => `pat-${FIRST_PATIENT_ID + place}`;
export const LOCATIONS = ['1404', '1405', '1406'] as const;
export const METHODS = ['Card', 'Cash', 'Check', 'Patient Portal'] as const;
