import type { CallOptions } from '../calls.ts';
import type { FhirConnection } from './connection.ts';
import { mrnsOf, PatientSchema } from './patient.ts';
import { readResource } from './read.ts';
import { readPage } from './read-page.ts';
import { BundleSchema } from './resources.ts';

/** Enough patients to see how a practice numbers them. */
const SAMPLE = 20;
const MOST_SHOWN = 5;
/** A text that is a system, and no number of a patient in its place. */
const SYSTEM = /^[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9._~:/@!*+;=-]{1,150}$/;

/**
 * Compares the systems of some patients' numbers with the setting `patient_identifier_system`. With another system than the practice's
 * nobody would be found or listed, and nothing else would say why. Of the patients nothing is kept.
 *
 * @returns a remark when none of them has a number of that system; null otherwise, and where the server does not show it.
 */
export async function mrnSystemRemark(
  fhir: Pick<FhirConnection, 'session' | 'secrets' | 'settings'>,
  { signal }: CallOptions,
): Promise<string | null> {
  const path = `Patient?_count=${SAMPLE}`;
  const read = await readResource(fhir, { path, schema: BundleSchema, signal });
  if (!read.ok) return null;
  const { matches } = readPage(read.value, PatientSchema);
  const { patient_identifier_system: system } = fhir.settings;
  if (matches.length === 0 || matches.some((patient) => mrnsOf(patient, system).length > 0)) return null;
  const seen = new Set(matches.flatMap(({ identifier = [] }) => identifier.map((each) => each.system ?? '')));
  const shown = [...seen].filter((each) => SYSTEM.test(each) && each !== system).slice(0, MOST_SHOWN);
  const others = shown.length === 0 ? '' : ` They have numbers of ${shown.join(', ')}.`;
  return `None of ${matches.length} patients of the EMR has a number of ${system}, by which patients are found and listed (setting patient_identifier_system).${others}`;
}
