import { sentence } from '@emr-payments/contracts';

/**
 * Statuses whose account takes payments. An inactive or deceased patient and a guarantor who is no patient still owe: "Consider zeroing
 * out the account at the same time if you do not wish to collect amounts due" (https://www.opendental.com/manual/patientedit.html).
 */
export const OPEN: ReadonlySet<string> = new Set([
  'Patient',
  'NonPatient',
  'Inactive',
  'Deceased',
  'Prospective',
]);

/**
 * An archived patient is "definitely never coming back" (https://www.opendental.com/manual/patientedit.html), or was merged into another
 * one: "the status of the Patient to merge from will change to Archived" (https://www.opendental.com/manual/mergepatients.html), and the API
 * does not say into which. Money posted there may be seen by nobody. "A deleted patient, and their associated resources, are not allowed
 * to be modified in any way" (https://www.opendental.com/site/apipatients.html).
 */
export const CLOSED = new Map([
  ['Archived', sentence`The patient is archived in the EMR, as one is who was merged into another patient.`],
  ['Deleted', sentence`The patient is deleted in the EMR.`],
]);
