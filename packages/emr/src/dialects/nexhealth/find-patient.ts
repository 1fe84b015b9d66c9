import { randomInt } from 'node:crypto';
import type { CallOptions } from '../../calls.ts';
import { folded } from '../../folded.ts';
import { judgePatients, NOBODY } from '../../judge-patients.ts';
import { type FindPatientOutcome, patientsUnavailable } from '../../patients.ts';
import { databasesOf, INACTIVE, mrnOf, readPatientRow } from './patient-row.ts';
import { type Failed, LEDGER, type Rows, readRows } from './read.ts';
import type { NexConnection } from './settings.ts';

/** Searches one database. The page size is drawn by lot, so that a cache that obeys no header rarely has an answer for its URL. */
const search = (
  nex: NexConnection,
  { locationId, mrn }: { locationId: string; mrn: string },
  options: CallOptions,
): Promise<Rows | Failed> =>
  readRows(
    nex,
    {
      path: '/patients',
      query: {
        subdomain: nex.settings.subdomain,
        location_id: locationId,
        foreign_id: mrn,
        per_page: randomInt(500, 1001),
      },
      headers: LEDGER,
      unshared: true,
    },
    options,
  );

/**
 * Looks for the patient whose number in the practice's system (`foreign_id`) is the MRN, active or not, in every database of the practice:
 * two of them may have the same number. NexHealth answers from its copy, so a patient of the last minutes may be missing; a later
 * look-up finds them.
 */
export async function findPatient(
  nex: NexConnection,
  { mrn }: { mrn: string },
  options: CallOptions,
): Promise<FindPatientOutcome> {
  // Without a number the search would list every patient.
  if (mrn === '') return judgePatients(NOBODY);
  const places = await databasesOf(nex, options);
  if (!places.ok) return patientsUnavailable(places.trouble);
  const searched = await Promise.all(
    places.locationIds.map((locationId) => search(nex, { locationId, mrn }, options)),
  );
  const read = searched.filter((each) => each.ok);
  const failed = searched.find((each) => !each.ok) ?? null;
  const rows = read.flatMap((each) => each.rows);
  const understood = rows.map(readPatientRow).filter((row) => row !== null);
  const hits = new Map(
    understood.filter((row) => mrnOf(row) === mrn).map((row) => [String(row.id), row] as const),
  );
  const judged = judgePatients({
    emrPatientIds: [...hits.keys()],
    entriesSeen: rows.length,
    entriesUnderstood: understood.length,
    perhapsOurs: 0,
    matches: understood.length,
    total: null,
    complete: failed === null && places.whole && read.every(({ complete }) => complete),
    errorSaid: read.some(({ errorSaid }) => errorSaid),
    // "Unique": a row of another number shows that the filter was ignored.
    searchHonoured: understood.every((row) => couldMatch(mrnOf(row) ?? '', mrn)),
    servedFromCache: read.some((each) => each.servedFromCache),
  });
  // A search that failed says why, and when to ask again.
  if (judged.outcome === 'unavailable' && failed !== null) return patientsUnavailable(failed.trouble);
  const [hit] = hits.values();
  return judged.outcome === 'found' && hit?.inactive === true
    ? { outcome: 'closed', reason: INACTIVE }
    : judged;
}

/** True for a number that a search for another one may give, by its part or in another case. */
const couldMatch = (number: string, mrn: string): boolean => folded(number).includes(folded(mrn));
