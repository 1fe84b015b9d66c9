import { sentence } from '@emr-payments/contracts';
import { type Static, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import type { CallOptions } from '../../calls.ts';
import { servedFromCache } from '../../http/cached-answer.ts';
import type { Answer } from '../../http/exchange.ts';
import { describeNoAnswer } from '../../http/no-answer.ts';
import { readJson } from '../../http/read-json.ts';
import { judgePatients, NOBODY } from '../../judge-patients.ts';
import { judgeStatus } from '../../judge-status.ts';
import { type FindPatientOutcome, patientsUnavailable } from '../../patients.ts';
import type { AthenaConnection } from './connection.ts';
import { errorIn } from './envelope.ts';
import { readPatientId } from './patient-id.ts';
import { CLOSED, GONE, OPEN } from './patient-status.ts';
import { troubleOf } from './read.ts';
import { FORM } from './refusal-form.ts';

/** One patient has some two hundred members. */
const MAX_PATIENT_BYTES = 256 * 1024;

/** The members of a patient that are read. Names, birth dates and the rest are dropped with the parsed answer. */
const PatientRow = Type.Object({
  patientid: Type.Union([Type.String(), Type.Integer()]),
  status: Type.String(),
});
type PatientRow = Static<typeof PatientRow>;

const notUnderstood = (): FindPatientOutcome => ({
  outcome: 'unavailable',
  code: 'answer_not_understood',
  detail: sentence`The EMR's answer is not the patient that was requested.`,
});

/** A patient as the subject: not the path `/patients`, and not another field. */
const PATIENT = /\bpatient(?: ?id)?\b/i;
const MISSING = /\b(?:no such|unknown|invalid)\b|(?:\bnot|n't) (?:be )?(?:found|exist)\b/i;
/** Other things that a 404 can be about: the address, or a patient who is there and not shown. */
const OTHER =
  /\bpractice|department|provider|\bapi\b|endpoint|\broute|\burl\b|resource|access|permi|restrict|block/i;
const MERGED = /\bmerged?\b|\bdeleted\b/i;

/**
 * Reads what a 404 says of the patient. athena has no text for it in its list of errors
 * (https://docs.athenahealth.com/api/resources/api-error-message-reference), so that the patient is the subject has to be read from the words.
 *
 * @returns null when it is about something else, or not athena's own.
 */
function gone(answer: Answer): 'none' | 'merged' | null {
  if (answer.status !== 404) return null;
  const complaint = FORM.complaint(answer);
  if (complaint?.kind !== 'refusal') return null;
  const said = complaint.refusal.texts.join(' ');
  if (complaint.refusal.missing.length > 0 || !PATIENT.test(said) || OTHER.test(said)) return null;
  if (MERGED.test(said)) return 'merged';
  return MISSING.test(said) ? 'none' : null;
}

/** The one row of an answer; null when it is no list of one, which is what athena gives for one patient. */
function onlyRow(body: string): { row: PatientRow | null } | null {
  const list = readJson(body);
  if (!Array.isArray(list) || list.length !== 1) return null;
  const [row]: unknown[] = list;
  return {
    row: Value.Check(PatientRow, row) ? (Value.Clean(PatientRow, structuredClone(row)) as PatientRow) : null,
  };
}

function judgeAnswer(athena: AthenaConnection, answer: Answer, mrn: string): FindPatientOutcome {
  const cached = servedFromCache(answer.headers);
  const absent = gone(answer);
  if (absent !== null) {
    const judged = judgePatients({ ...NOBODY, servedFromCache: cached });
    return absent === 'merged' && judged.outcome === 'none' ? { outcome: 'closed', reason: GONE } : judged;
  }
  if (answer.status !== 200) return patientsUnavailable(troubleOf(athena, answer));
  const read = onlyRow(answer.body);
  if (read === null) return notUnderstood();
  const { row } = read;
  const id = row === null ? null : String(row.patientid);
  const judged = judgePatients({
    ...NOBODY,
    emrPatientIds: id === mrn ? [id] : [],
    entriesSeen: 1,
    entriesUnderstood: row === null ? 0 : 1,
    matches: row === null ? 0 : 1,
    errorSaid: errorIn(answer.body) !== null,
    // A patient has a copy in each provider group, and athena also takes an enterprise id for a patient's id.
    searchHonoured: row === null || id === mrn,
    servedFromCache: cached,
  });
  return row === null ? judged : judgeStatus(judged, { status: row.status, open: OPEN, closed: CLOSED });
}

/**
 * Looks for the patient whose `patientid` is the MRN: `GET /v1/{practiceid}/patients/{patientid}`
 * (https://docs.athenahealth.com/api/api-ref/patient).
 *
 * An MRN names no department, so `departmentid` is not sent: where a practice has several provider groups, athena may answer with the
 * patient's copy in another one (https://docs.athenahealth.com/api/workflows/enterprise-patient-information), and an answer with another
 * id proves nothing. Nor is `ignorerestrictions`, which shows restricted and blocked patients
 * (https://docs.athenahealth.com/api/resources/october-24-2022-release-api-change-update-fhir-r4-patient-apis-return-record-restrictions): its text
 * in the vendor's specification reserves it for callers who never show a patient whether a match was found, and an integrator may. How
 * athena answers for a merged record is not documented: its number never leads to another id.
 */
export async function findPatient(
  athena: AthenaConnection,
  { mrn }: { mrn: string },
  options: CallOptions,
): Promise<FindPatientOutcome> {
  // A text that is no patientid is nobody's, and is not put into a path.
  if (!readPatientId(mrn, { baseUrl: athena.session.baseUrl }).ok) return judgePatients(NOBODY);
  const answer = await athena.session.read(
    { path: `${athena.root}/patients/${mrn}`, maxAnswerBytes: MAX_PATIENT_BYTES, unshared: true },
    options,
  );
  if (answer.kind === 'no_answer') return { outcome: 'unavailable', ...describeNoAnswer(answer) };
  return judgeAnswer(athena, answer, mrn);
}
