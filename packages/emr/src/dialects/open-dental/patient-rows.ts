import { sentence } from '@emr-payments/contracts';
import { type Static, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import type { CallOptions } from '../../calls.ts';
import { folded } from '../../folded.ts';
import { servedFromCache } from '../../http/cached-answer.ts';
import { describeStatus } from '../../http/evidence.ts';
import { describeNoAnswer } from '../../http/no-answer.ts';
import { readJsonAs } from '../../http/read-json.ts';
import type { PatientTrouble } from '../../trouble.ts';
import { isExplanation, NO_SUCH_CALL } from './refusal-form.ts';
import { Key, readRows } from './rows.ts';
import type { OpenDentalConnection } from './settings.ts';

/** One patient: the page has some 45 members. */
const MAX_PATIENT_BYTES = 64 * 1024;

/**
 * The members of a patient that are read, out of all that both calls give (https://www.opendental.com/site/apipatients.html). Names,
 * birth dates and the rest are dropped with the parsed answer.
 */
export const PatientRow = Type.Object({ PatNum: Key, ChartNumber: Type.String(), PatStatus: Type.String() });
export type PatientRow = Static<typeof PatientRow>;

/**
 * Reads the patients whose chart number is like a text, archived ones too: one of them may have the same number. Deleted ones are in no
 * list (`Patients.GetPtDataTable` in the source of Open Dental).
 */
export const readPatientsLike = (
  connection: OpenDentalConnection,
  chartNumber: string,
  options: CallOptions,
) =>
  readRows(
    connection,
    {
      resource: '/patients',
      key: 'PatNum',
      query: { ChartNumber: chartNumber, showArchived: 'true' },
      schema: PatientRow,
      unshared: true,
    },
    options,
  );

/**
 * True for a chart number that the search may give for a text. It compares by `LIKE` (`Patients.GetPtDataTable`), where `_` and `%` stand for
 * other characters: only what comes before them is compared.
 */
export const couldMatch = (chartNumber: string, text: string): boolean =>
  folded(chartNumber).includes(folded(text).split(/[%_]/, 1)[0] ?? '');

type ReadPatient =
  | { row: PatientRow | null; servedFromCache: boolean }
  | ({ outcome: 'unavailable' } & PatientTrouble);

/**
 * Reads one patient. @param patNum a PatNum (`readPatientId`). @returns `row: null` for an answer that says that there is none: 404 "with
 * explanation", as the API's other calls document it. Its words are not documented: they must speak of a patient, because a wrong address
 * is 404 too.
 */
export async function readPatientRow(
  { session }: OpenDentalConnection,
  patNum: string,
  options: CallOptions,
): Promise<ReadPatient> {
  const result = await session.read(
    { path: `/patients/${patNum}`, maxAnswerBytes: MAX_PATIENT_BYTES, unshared: true },
    options,
  );
  if (result.kind === 'no_answer') return { outcome: 'unavailable', ...describeNoAnswer(result) };
  const cached = servedFromCache(result.headers);
  const { status, body } = result;
  const speaksOfPatient = /\bpat(?:ient|num)\b/i.test(body) && !NO_SUCH_CALL.test(body);
  if (status === 404 && isExplanation(result) && speaksOfPatient)
    return { row: null, servedFromCache: cached };
  if (status !== 200) return { outcome: 'unavailable', ...describeStatus(result) };
  const row = readJsonAs(PatientRow, body);
  if (row !== null) return { row: Value.Clean(PatientRow, row) as PatientRow, servedFromCache: cached };
  const detail = sentence`The EMR's answer is not the patient that was requested.`;
  return { outcome: 'unavailable', code: 'answer_not_understood', detail };
}
