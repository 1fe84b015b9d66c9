import type { OurSentence } from '@emr-payments/contracts';
import { query, type StatementDeps } from '../core/statements.ts';
import type { LookUpAnswer, LookUpPlace } from './answer-look-up.ts';
import { ALIVE, mrnHash } from './look-up-rules.ts';

/** The progress of a question. `ahead`: earlier ones of its line. */
export type LookUpProgress = { answer: LookUpAnswer } | { answer: null; ahead: number };

const READ = {
  name: 'read-patient-look-ups',
  text: `
    SELECT l.id, l.answer, l.reason, l.retry_after_ms AS "retryAfterMs", l.emr_patient_id AS "emrPatientId",
           (SELECT count(*)::int FROM patient_lookups o WHERE o.user_id = l.user_id AND o.id < l.id AND ${ALIVE}) AS ahead
      FROM unnest($1::bigint[], $2::int[], $3::timestamptz[], $4::text[]) AS place (id, user_id, version, mrn)
      JOIN patient_lookups l ON l.id = place.id AND l.user_id = place.user_id AND l.version = place.version AND l.mrn_hash = ${mrnHash('place.mrn')}
     WHERE l.answer IS NOT NULL OR l.lease_until > now()`,
};

type Row = {
  id: number;
  answer: LookUpAnswer['cause'] | null;
  /** Written from our sentences only. */
  reason: OurSentence | null;
  retryAfterMs: number | null;
  emrPatientId: string | null;
  ahead: number;
};

function progressOf({ answer, reason, retryAfterMs, emrPatientId, ahead }: Row): LookUpProgress {
  if (answer === null) return { answer: null, ahead };
  if (answer === 'found') return { answer: { cause: 'found', emrPatientId } };
  if (answer !== 'unknown' && answer !== 'not_asked') return { answer: { cause: answer } };
  if (reason === null) throw new Error('an answer that says nothing has no reason');
  return { answer: { cause: answer, reason, ...(retryAfterMs === null ? {} : { retryAfterMs }) } };
}

/** Reads the progress of some questions. One whose process has left the line, or has died, is missing. */
export async function readLookUps(
  deps: StatementDeps,
  places: readonly LookUpPlace[],
): Promise<Map<number, LookUpProgress>> {
  const rows = await query<Row>(deps, READ, [
    places.map(({ id }) => id),
    places.map(({ userId }) => userId),
    places.map(({ connectionVersion }) => connectionVersion),
    places.map(({ mrn }) => mrn),
  ]);
  return new Map(rows.map((row) => [row.id, progressOf(row)]));
}
