import { type OurSentence, sentence } from '@emr-payments/contracts';
import { type AbsenceEvidence, absent } from './absence.ts';

declare const PROVEN: unique symbol;

/** One patient has the MRN, and no other one. The mark can be set by `judgePatients` only: money is posted to this id. */
export type OnePatient = { outcome: 'found'; emrPatientId: string; [PROVEN]: true };

/** No patient has the MRN. */
export type NoPatient = { outcome: 'none'; [PROVEN]: true };

/** More than one patient has the MRN: which of them is meant, a person has to say. */
export type SeveralPatients = { outcome: 'several' };

/** An answer from which it does not follow who has the MRN. */
export type PatientsNotProven = {
  outcome: 'unavailable';
  code: 'answer_incomplete' | 'answer_not_understood' | 'search_not_honoured' | 'answer_cached';
  detail: OurSentence;
};

const notProven = (code: PatientsNotProven['code'], detail: OurSentence): PatientsNotProven => ({
  outcome: 'unavailable',
  code,
  detail,
});

/** The evidence of an answer that was understood whole and has nobody in it. A look-up changes what its own answer says otherwise. */
export const NOBODY = {
  emrPatientIds: [],
  entriesSeen: 0,
  entriesUnderstood: 0,
  perhapsOurs: 0,
  matches: 0,
  total: null,
  complete: true,
  errorSaid: false,
  searchHonoured: true,
  servedFromCache: false,
} as const satisfies AbsenceEvidence & { emrPatientIds: readonly string[] };

/**
 * Decides who has an MRN. "Only one" needs the same evidence as "none": an answer that was understood whole, because the row that
 * cannot be read may be the second patient.
 *
 * @param input.emrPatientIds the ids of the rows whose MRN is exactly the one that was asked for.
 * @param input.matches rows that were read, whether their MRN is that one or only like it.
 */
export function judgePatients({
  emrPatientIds,
  ...evidence
}: AbsenceEvidence & { emrPatientIds: readonly string[] }):
  | OnePatient
  | NoPatient
  | SeveralPatients
  | PatientsNotProven {
  const [id, ...others] = new Set(emrPatientIds);
  // Two are two, whatever else the answer lacks.
  if (others.length > 0) return { outcome: 'several' };
  if (!evidence.searchHonoured)
    return notProven('search_not_honoured', sentence`The EMR did not search for the patient's number.`);
  if (!evidence.complete)
    return notProven('answer_incomplete', sentence`The EMR's list of patients could not be read to its end.`);
  const judged = absent(evidence);
  if (judged.outcome !== 'absent') return judged;
  return id === undefined
    ? ({ outcome: 'none' } as NoPatient)
    : ({ outcome: 'found', emrPatientId: id } as OnePatient);
}
