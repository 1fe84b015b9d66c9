import type { OurSentence } from '@emr-payments/contracts';
import { named } from '../core/named.ts';
import { query, type StatementDeps } from '../core/statements.ts';
import type { PatientQuestion } from './join-look-up.ts';
import { IS_PLACE, PLACE } from './look-up-rules.ts';

/**
 * The place of a question in its connection's line. The number alone names none: after a crash of PostgreSQL the table is empty, and its
 * numbers begin again.
 */
export type LookUpPlace = PatientQuestion & { id: number };

export type LookUpAnswer =
  /** `emrPatientId` is null when the patient is stored. */
  | { cause: 'found'; emrPatientId: string | null }
  | { cause: 'none' | 'several' | 'closed' }
  /** Nothing is known. It is for those who wait for this question; the next one asks again. `not_asked`: no call has left. */
  | { cause: 'unknown' | 'not_asked'; reason: OurSentence; retryAfterMs?: number };

const ANSWER = named({
  name: 'answer-patient-look-up',
  values: [...PLACE, 'cause', 'emrPatientId', 'reason', 'retryAfterMs'],
  text: `
    UPDATE patient_lookups SET answer = :cause, emr_patient_id = :emrPatientId, reason = :reason, retry_after_ms = :retryAfterMs::int
     WHERE ${IS_PLACE} AND answer IS NULL`,
});

const LEAVE = named({
  name: 'leave-patient-look-up',
  values: PLACE,
  text: `DELETE FROM patient_lookups WHERE ${IS_PLACE} AND answer IS NULL`,
});

/** Publishes the answer of a question to the processes that wait for it. Its place in the line is free from then on. */
export async function answerLookUp(
  deps: StatementDeps,
  { answer, ...place }: LookUpPlace & { answer: LookUpAnswer },
): Promise<void> {
  const { cause } = answer;
  const emrPatientId = answer.cause === 'found' ? answer.emrPatientId : null;
  const reason = 'reason' in answer ? answer.reason : null;
  const wait = 'retryAfterMs' in answer ? answer.retryAfterMs : undefined;
  const retryAfterMs = wait === undefined ? null : Math.ceil(wait);
  await query(deps, ANSWER, ANSWER.values({ ...place, cause, emrPatientId, reason, retryAfterMs }));
}

/** Takes a question that was not asked out of its line. It does not count against the connection's budget. */
export async function leaveLookUp(deps: StatementDeps, place: LookUpPlace): Promise<void> {
  await query(deps, LEAVE, LEAVE.values(place));
}
