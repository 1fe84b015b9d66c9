import { sentence } from '@emr-payments/contracts';

/**
 * Statuses whose account takes payments. "The status of the patient, one of active, inactive, prospective, or deleted" (the vendor's
 * specification, in https://github.com/jacrys/athenasharp/blob/main/docs/PatientDeparmentStatus.md).
 */
export const OPEN: ReadonlySet<string> = new Set(['active']);

/**
 * Statuses to which no payment goes by a look-up. Merging a record and deleting it are one function
 * (https://help.athenahealth.com/ohelp/Content/Breakout/B_To_merge_two_patient_records_B.htm). A prospective record may be a duplicate that
 * nobody has reviewed (https://help.athenahealth.com/Ohelp/Content/aCom_Manage_Prospective_Patients_PH.htm). No page says that money at an
 * inactive record is seen. A person who knows better stores the patient's id.
 */
export const CLOSED = new Map([
  ['inactive', sentence`The patient's record is inactive in the EMR.`],
  [
    'prospective',
    sentence`The patient's record is prospective in the EMR: it may be a duplicate of another one.`,
  ],
  [
    'deleted',
    sentence`The patient's record is deleted in the EMR, as one is that was merged into another one.`,
  ],
]);

/** For a record that athena refuses to show, because it was merged or deleted. */
export const GONE = sentence`The patient's record was deleted in the EMR or merged into another one.`;
