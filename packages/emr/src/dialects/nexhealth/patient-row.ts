import { normalMrn, sentence } from '@emr-payments/contracts';
import { type Static, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import type { CallOptions } from '../../calls.ts';
import type { ListedPatient } from '../../patients.ts';
import { everyLocation, type Places } from './locations.ts';
import type { Failed } from './read.ts';
import type { NexConnection } from './settings.ts';
import { oneOfEachDatabase } from './sync-status.ts';

/**
 * The members of a patient that are read, out of all that `GET /patients` has (https://docs.nexhealth.com/reference/getpatients). Names, birth
 * dates and the rest are dropped with the parsed answer.
 */
const PatientSchema = Type.Object({
  id: Type.Union([Type.Integer({ minimum: 1 }), Type.String({ pattern: '^[1-9]\\d{0,18}$' })]),
  /** "The patient's ID in the health record system": the MRN. A number has lost its zeros. */
  foreign_id: Type.Optional(Type.String()),
  inactive: Type.Boolean(),
});
export type PatientRow = Static<typeof PatientSchema>;

export const readPatientRow = (row: unknown): PatientRow | null =>
  Value.Check(PatientSchema, row) ? row : null;

/** The patient's number in the practice's system, which is the MRN; null where NexHealth has none yet. */
export function mrnOf({ foreign_id = '' }: PatientRow): string | null {
  const mrn = normalMrn(foreign_id);
  return mrn === '' ? null : mrn;
}

/**
 * NexHealth has one mark for what the practice's systems call inactive, archived, deceased or merged into another patient, and does not say
 * which it is: a payment could go where nobody sees it.
 */
export const INACTIVE = sentence`The patient is inactive in the EMR, as one is who was archived or merged into another patient.`;

/** @returns null for a row that cannot be read. */
export function listedPatient(value: unknown): ListedPatient | null {
  const row = readPatientRow(value);
  if (row === null) return null;
  return { mrn: mrnOf(row), emrPatientId: String(row.id), state: row.inactive ? 'closed' : 'active' };
}

/**
 * Lists a location of each of the practice's databases: the search for patients "covers every location on the same server"
 * (https://docs.nexhealth.com/docs/patients-configuration-guide), and a number is unique in one database only.
 */
export async function databasesOf(nex: NexConnection, options: CallOptions): Promise<Places | Failed> {
  const places = await everyLocation(nex, options);
  if (!places.ok) return places;
  const chosen = await oneOfEachDatabase(nex, places.locationIds, options);
  return chosen.ok ? { ...chosen, whole: places.whole } : chosen;
}
