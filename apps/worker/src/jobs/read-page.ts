import { sentence } from '@emr-payments/contracts';
import type { SeenPatient, SyncPage } from '@emr-payments/db';
import type { EmrAdapter, ListedPatient, PatientTrouble } from '@emr-payments/emr';

/** Longest MRN that a payment can give, in UTF-16 units. */
const LONGEST_MRN = 255;

/** PostgreSQL indexes no longer key than 2704 bytes. */
const LONGEST_ID = 2_000;

const isShort = (id: string): boolean => Buffer.byteLength(id) <= LONGEST_ID;

/** An MRN that no payment can give, and that could not be stored, is none. */
const usableMrn = (mrn: string | null): string | null =>
  mrn !== null && mrn !== '' && mrn.length <= LONGEST_MRN && !/[\p{Cc}\p{Cs}]/u.test(mrn) ? mrn : null;

function seen(patient: ListedPatient): SeenPatient {
  const { mrn, emrPatientId, state } = patient;
  const into =
    patient.state === 'merged' && patient.into !== null && isShort(patient.into) ? patient.into : null;
  return { mrn: usableMrn(mrn), emrPatientId, state, into };
}

export type PageRead = Pick<SyncPage, 'patients' | 'unreadable' | 'next' | 'watermark'>;

/**
 * Reads one page of the EMR's list of patients. An adapter without such a list has an empty one.
 *
 * @param input.last the cursor with which the page is read: a list that names it again as the next one would never end.
 */
export async function readPage(
  adapter: Pick<EmrAdapter, 'listPatients'>,
  input: { since: string | null; cursor: string | null; signal: AbortSignal },
): Promise<PageRead | { trouble: PatientTrouble }> {
  const { since, cursor, signal } = input;
  const page = await adapter.listPatients?.({ since, cursor }, { signal });
  if (page === undefined) return { patients: [], unreadable: 0, next: null, watermark: null };
  if (page.outcome === 'unavailable') return { trouble: page };
  if (page.next !== null && page.next === cursor) {
    const detail = sentence`The EMR's list of patients names the same page again and again.`;
    return { trouble: { code: 'answer_not_understood', detail } };
  }
  const patients = page.patients.filter(({ emrPatientId }) => isShort(emrPatientId)).map(seen);
  const unreadable = page.unreadable + page.patients.length - patients.length;
  return { patients, unreadable, next: page.next, watermark: page.watermark };
}
