import { normalMrn } from '@emr-payments/contracts';
import type { CallOptions } from '../../calls.ts';
import { judgePatients, NOBODY } from '../../judge-patients.ts';
import { judgeStatus } from '../../judge-status.ts';
import type { FindPatientOutcome } from '../../patients.ts';
import { readPatientId } from './patient-id.ts';
import { couldMatch, readPatientRow, readPatientsLike } from './patient-rows.ts';
import { CLOSED, OPEN } from './patient-status.ts';
import { keyText } from './rows.ts';
import type { OpenDentalConnection } from './settings.ts';

/** "A unique patient is identified by a PatNum" (https://www.opendental.com/site/apipatients.html). */
async function byPatNum(
  connection: OpenDentalConnection,
  mrn: string,
  options: CallOptions,
): Promise<FindPatientOutcome> {
  // A text that is no PatNum is nobody's, and is not put into a path.
  if (!readPatientId(mrn, { baseUrl: connection.session.baseUrl }).ok) return judgePatients(NOBODY);
  const read = await readPatientRow(connection, mrn, options);
  if ('outcome' in read) return read;
  const { row, servedFromCache } = read;
  if (row === null) return judgePatients({ ...NOBODY, servedFromCache });
  const id = keyText(row.PatNum);
  const judged = judgePatients({
    ...NOBODY,
    emrPatientIds: id === mrn ? [id] : [],
    entriesSeen: 1,
    entriesUnderstood: 1,
    matches: 1,
    searchHonoured: id === mrn,
    servedFromCache,
  });
  return judgeStatus(judged, { status: row.PatStatus, open: OPEN, closed: CLOSED });
}

/**
 * Searches by chart number, as the Patient Select window does: "Most string parameters support partial match and are not case sensitive"
 * (https://www.opendental.com/site/apipatients.html). So every row of every page is compared. The office stores the number as it was
 * typed; white space at its ends does not count, as in no MRN, and case does: two MRNs that differ in it can be two patients.
 */
async function byChartNumber(
  connection: OpenDentalConnection,
  mrn: string,
  options: CallOptions,
): Promise<FindPatientOutcome> {
  const read = await readPatientsLike(connection, mrn, options);
  if (!read.ok) return { outcome: 'unavailable', ...read.trouble };
  const { rows, failed } = read;
  const hits = rows.filter(({ ChartNumber }) => normalMrn(ChartNumber) === mrn);
  const judged = judgePatients({
    emrPatientIds: hits.map(({ PatNum }) => keyText(PatNum)),
    entriesSeen: read.seen,
    entriesUnderstood: read.understood,
    perhapsOurs: 0,
    matches: rows.length,
    total: null,
    complete: read.complete,
    errorSaid: false,
    // A filter that the EMR does not know it ignores without a word.
    searchHonoured: rows.every(({ ChartNumber }) => couldMatch(ChartNumber, mrn)),
    servedFromCache: read.servedFromCache,
  });
  // A page that failed says why the list has no end, and when to ask again.
  if (judged.outcome === 'unavailable' && failed !== null)
    return { outcome: 'unavailable', ...failed.trouble };
  const [hit] = hits;
  return hit === undefined
    ? judged
    : judgeStatus(judged, { status: hit.PatStatus, open: OPEN, closed: CLOSED });
}

/** Looks for the patient whose `PatNum` or `ChartNumber` is the MRN, as the setting `mrn_field` says. */
export async function findPatient(
  connection: OpenDentalConnection,
  { mrn }: { mrn: string },
  options: CallOptions,
): Promise<FindPatientOutcome> {
  // Without a number the search would list every patient.
  if (mrn === '') return judgePatients(NOBODY);
  return connection.settings.mrn_field === 'ChartNumber'
    ? byChartNumber(connection, mrn, options)
    : byPatNum(connection, mrn, options);
}
