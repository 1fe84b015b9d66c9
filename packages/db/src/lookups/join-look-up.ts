import type { Database } from '../core/database.ts';
import { named } from '../core/named.ts';
import { query } from '../core/statements.ts';
import { inTransaction } from '../core/transaction.ts';
import { ALIVE, IS_NO, IS_RECENT, MINUTE, mrnHash } from './look-up-rules.ts';

/** A question to the EMR: who has this MRN. Another version of the connection may lead to another EMR. */
export type PatientQuestion = { userId: number; connectionVersion: string; mrn: string };

/** Questions of one connection in the last minute that may have found nobody. */
const BUDGET = 60;

export type JoinedLookUp =
  /** A question is in the connection's line: a new one, which the caller has to ask (`ours`), or the same one of somebody else. */
  | { outcome: 'joined'; id: number; ours: boolean; ahead: number }
  /** The EMR said "no" less than a minute ago. */
  | { outcome: 'remembered' }
  /** The connection's questions of this minute are used up. */
  | { outcome: 'used_up'; retryAfterMs: number };

/** `look` in ASCII: the class of the advisory locks of lines; the second key is the user. */
const LINE_LOCK = 0x6c6f6f6b;

/** Without the lock two questions could both see three before them: the one with the smaller number may be committed later. */
const LOCK = { name: 'lock-patient-line', text: 'SELECT pg_advisory_xact_lock($1, $2)' };

/**
 * The patient of the question was stored a moment ago: a request that looked at the patients before that gets this answer, and looks again.
 */
const JUST_STORED = `(answer = 'found' AND emr_patient_id IS NULL AND asked_at > now() - interval '10 seconds')`;

/** Rows that somebody else has locked are being removed: this waits for no row. */
const JOIN = named({
  name: 'join-patient-look-up',
  values: ['userId', 'connectionVersion', 'mrn', 'leaseMs'],
  text: `
    WITH gone AS (
      DELETE FROM patient_lookups WHERE id = ANY (ARRAY(
        SELECT id FROM patient_lookups WHERE user_id = :userId AND asked_at <= ${MINUTE} AND lease_until < now() LIMIT 500
           FOR UPDATE SKIP LOCKED))
    ), recent AS MATERIALIZED (
      SELECT * FROM patient_lookups WHERE user_id = :userId AND ${IS_RECENT}
    ), same AS MATERIALIZED (
      SELECT id, answer FROM recent
       WHERE version = :connectionVersion::timestamptz AND mrn_hash = ${mrnHash(':mrn')} AND (${IS_NO} OR ${ALIVE} OR ${JUST_STORED})
       ORDER BY id DESC LIMIT 1
    ), spent AS MATERIALIZED (
      SELECT asked_at FROM recent WHERE answer IS NULL OR answer NOT IN ('found', 'not_asked') ORDER BY asked_at DESC OFFSET ${BUDGET - 1} LIMIT 1
    ), made AS (
      INSERT INTO patient_lookups (user_id, version, mrn_hash, lease_until)
      SELECT :userId::int, :connectionVersion::timestamptz, ${mrnHash(':mrn')}, now() + make_interval(secs => :leaseMs::float8 / 1000)
       WHERE NOT EXISTS (SELECT FROM same) AND NOT EXISTS (SELECT FROM spent)
      RETURNING id
    )
    SELECT coalesce((SELECT id FROM made), (SELECT id FROM same)) AS id, EXISTS (SELECT FROM made) AS ours,
           EXISTS (SELECT FROM same WHERE ${IS_NO}) AS remembered,
           (SELECT count(*)::int FROM recent WHERE ${ALIVE}) AS ahead,
           (SELECT ceil(extract(epoch FROM asked_at - (${MINUTE})) * 1000)::int FROM spent) AS "retryAfterMs"`,
});

type Row = {
  id: number | null;
  ours: boolean;
  remembered: boolean;
  ahead: number;
  retryAfterMs: number | null;
};

/**
 * Puts the question for a patient at the end of its connection's line, over all processes: the first four of a line are asked. Where the
 * same question is in it already, the caller waits for that one's answer.
 *
 * @param input.leaseMs after this time a question without an answer counts for nothing: its process has died.
 */
export async function joinLookUp(
  deps: { database: Pick<Database, 'pool'> },
  question: PatientQuestion & { leaseMs: number },
): Promise<JoinedLookUp> {
  return inTransaction(deps, async (tx) => {
    await query(tx, LOCK, [LINE_LOCK, question.userId]);
    const [row] = await query<Row>(tx, JOIN, JOIN.values(question));
    if (row === undefined) throw new Error('join-patient-look-up returned no row');
    return { commit: true, value: joinedOf(row) };
  });
}

function joinedOf({ id, ours, remembered, ahead, retryAfterMs }: Row): JoinedLookUp {
  if (remembered) return { outcome: 'remembered' };
  if (id === null) return { outcome: 'used_up', retryAfterMs: retryAfterMs ?? 0 };
  return { outcome: 'joined', id, ours, ahead };
}
