import type { OurSentence } from '@emr-payments/contracts';
import { named } from '../core/named.ts';
import { query, type StatementDeps } from '../core/statements.ts';

/** The place of a question in its connection's line. */
export type LookUpPlace = { id: number; userId: number };

export type LookUpAnswer =
  /** `emrPatientId` is null when the patient is stored. */
  | { cause: 'found'; emrPatientId: string | null }
  | { cause: 'none' | 'several' | 'closed' }
  /** Nothing is known. It is for those who wait for this question; the next one asks again. `not_asked`: no call has left. */
  | { cause: 'unknown' | 'not_asked'; reason: OurSentence; retryAfterMs?: number };

const ANSWER = named({
  name: 'answer-patient-look-up',
  values: ['id', 'userId', 'cause', 'emrPatientId', 'reason', 'retryAfterMs'],
  text: `
    UPDATE patient_lookups SET answer = :cause, emr_patient_id = :emrPatientId, reason = :reason, retry_after_ms = :retryAfterMs::int
     WHERE id = :id AND user_id = :userId AND answer IS NULL`,
});

const LEAVE = {
  name: 'leave-patient-look-up',
  text: 'DELETE FROM patient_lookups WHERE id = $1 AND user_id = $2 AND answer IS NULL',
};

/** Publishes the answer of a question to the processes that wait for it. Its place in the line is free from then on. */
export async function answerLookUp(
  deps: StatementDeps,
  { id, userId, answer }: LookUpPlace & { answer: LookUpAnswer },
): Promise<void> {
  const { cause } = answer;
  const emrPatientId = answer.cause === 'found' ? answer.emrPatientId : null;
  const reason = 'reason' in answer ? answer.reason : null;
  const wait = 'retryAfterMs' in answer ? answer.retryAfterMs : undefined;
  const retryAfterMs = wait === undefined ? null : Math.ceil(wait);
  await query(deps, ANSWER, ANSWER.values({ id, userId, cause, emrPatientId, reason, retryAfterMs }));
}

/** Takes a question that was not asked out of its line. It does not count against the connection's budget. */
export async function leaveLookUp(deps: StatementDeps, { id, userId }: LookUpPlace): Promise<void> {
  await query(deps, LEAVE, [id, userId]);
}
