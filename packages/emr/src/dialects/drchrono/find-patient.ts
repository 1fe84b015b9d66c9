import { randomInt } from 'node:crypto';
import type { CallOptions } from '../../calls.ts';
import { folded } from '../../folded.ts';
import { judgePatients, NOBODY } from '../../judge-patients.ts';
import { type FindPatientOutcome, patientsUnavailable } from '../../patients.ts';
import { closedReason, mrnOf, PatientSchema } from './patient-row.ts';
import { PATIENTS, readPages } from './read-pages.ts';
import type { DrChrono } from './settings.ts';

/** A page has at most 250 rows. The size is drawn by lot, so that a cache that obeys no header has no answer for it. */
const PAGE_SIZES = [200, 251] as const;

/**
 * Looks for the patient whose chart has the MRN as its number (`chart_id`), among all pages of `GET /api/patients?chart_id=`
 * (https://app.drchrono.com/api-docs/, patients). DrChrono makes the number from the name where nobody gives one, and does not say that
 * it is unique, nor how it compares: every row is compared exactly.
 */
export async function findPatient(
  { session }: Pick<DrChrono, 'session'>,
  { mrn }: { mrn: string },
  options: CallOptions,
): Promise<FindPatientOutcome> {
  // Without a number the search would list every patient.
  if (mrn === '') return judgePatients(NOBODY);
  const query = `?${new URLSearchParams({ chart_id: mrn, page_size: String(randomInt(...PAGE_SIZES)) })}`;
  const pages = await readPages(session, { list: PATIENTS, schema: PatientSchema, query }, options);
  const hits = pages.rows.filter((row) => mrnOf(row) === mrn);
  // Two hits are two, whatever the pages lack that could not be read.
  if (!pages.ok && hits.length < 2) return patientsUnavailable(pages.trouble);
  const evidence = pages.ok ? pages : { ...NOBODY, complete: false };
  const judged = judgePatients({
    ...NOBODY,
    emrPatientIds: hits.map(({ id }) => String(id)),
    entriesSeen: evidence.entriesSeen,
    entriesUnderstood: evidence.entriesUnderstood,
    matches: pages.rows.length,
    // A filter that the EMR does not know it may ignore without a word.
    searchHonoured: pages.rows.every((row) => folded(mrnOf(row) ?? '').includes(folded(mrn))),
    servedFromCache: evidence.servedFromCache,
  });
  const [hit] = hits;
  const reason = judged.outcome === 'found' && hit !== undefined ? closedReason(hit) : null;
  return reason === null ? judged : { outcome: 'closed', reason };
}
