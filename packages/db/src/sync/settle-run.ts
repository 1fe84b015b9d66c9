import type { Database } from '../core/database.ts';
import { named } from '../core/named.ts';
import { query } from '../core/statements.ts';
import type { Claim } from '../jobs/renew-leases.ts';
import { ADD_CHANGES, JUDGE_VALUES, judgeMrns } from './judge-mrns.ts';
import { noteProgress, type StepEnd, stepOfRun } from './step-of-run.ts';

/** MRNs in one statement. */
const CHUNK = 2_000;

/** Fewer missing patients than this are believed, however many there are. */
const FEW = 10;

const SETTLE = named({
  name: 'settle-sync',
  values: [...JUDGE_VALUES, 'after'],
  text: `
    WITH ${judgeMrns(`SELECT DISTINCT mrn FROM sync_seen WHERE run_id = :runId::bigint AND mrn > :after ORDER BY mrn LIMIT ${CHUNK}`)},
    settled AS (
      UPDATE sync_runs r SET ${ADD_CHANGES}, cursor = CASE WHEN page.is_full THEN page.last END, phase = CASE WHEN page.is_full THEN r.phase ELSE 'absent' END
        FROM changes, (SELECT count(*) = ${CHUNK} AS is_full, max(mrn) AS last FROM asked) page WHERE r.id = :runId::bigint
      RETURNING r.phase
    )
    SELECT phase FROM settled`,
});

/**
 * Patients whom only syncs have written, and whom this run does not confirm: a complete list has no record with the MRN, or the list shows
 * the stored record with another one.
 */
const MISSING = `
  p.source = 'sync' AND p.state <> 'closed' AND (
    :complete::bool AND NOT EXISTS (SELECT FROM sync_seen s WHERE s.run_id = :runId::bigint AND s.mrn = p.mrn)
    OR EXISTS (SELECT FROM sync_seen s WHERE s.run_id = :runId::bigint AND s.emr_patient_id = p.emr_patient_id AND s.mrn IS DISTINCT FROM p.mrn
                  AND NOT EXISTS (SELECT FROM sync_seen o WHERE o.run_id = :runId::bigint AND o.mrn = p.mrn)))`;

const COUNT_MISSING = named({
  name: 'count-missing-patients',
  values: ['runId', 'userId', 'complete'],
  text: `
    SELECT count(*)::int AS stored, count(*) FILTER (WHERE ${MISSING})::int AS missing
      FROM patients p WHERE p.user_id = :userId::int AND p.source = 'sync' AND p.state <> 'closed'`,
});

const CLOSE_MISSING = named({
  name: 'close-missing-patients',
  values: ['runId', 'userId', 'complete', 'after'],
  text: `
    WITH page AS MATERIALIZED (
      SELECT mrn, emr_patient_id, state, source FROM patients WHERE user_id = :userId::int AND mrn > :after ORDER BY mrn LIMIT ${CHUNK}
    ), missing AS (
      SELECT x.mrn FROM patients x WHERE x.user_id = :userId::int AND x.mrn = ANY (ARRAY(SELECT p.mrn FROM page p WHERE ${MISSING}))
       ORDER BY x.mrn COLLATE "C" FOR UPDATE
    ), closed AS (
      UPDATE patients x SET state = 'closed', emr_patient_id = NULL, synced_at = now()
       WHERE x.user_id = :userId::int AND x.mrn = ANY (ARRAY(SELECT mrn FROM missing)) AND x.source = 'sync' AND x.state <> 'closed'
      RETURNING 1
    )
    UPDATE sync_runs r SET closed = r.closed + (SELECT count(*) FROM closed), cursor = coalesce((SELECT max(mrn) FROM page), r.cursor)
     WHERE r.id = :runId::bigint
    RETURNING (SELECT count(*)::int FROM page) < ${CHUNK} AS ended, r.cursor`,
});

/** A crash of PostgreSQL empties `sync_seen` as a whole, so the records are counted once in each phase. */
const FACTS = {
  name: 'sync-facts',
  text: `
    SELECT kind, unreadable, seen, added + changed AS written, cursor, version = (SELECT synced_version FROM connections c WHERE c.user_id = r.user_id) AS "sameEmr",
           CASE WHEN cursor IS NULL THEN (SELECT count(DISTINCT s.emr_patient_id)::int FROM sync_seen s WHERE s.run_id = r.id)
                WHEN EXISTS (SELECT FROM sync_seen s WHERE s.run_id = r.id) THEN seen ELSE 0 END AS rows
      FROM sync_runs r WHERE id = $1`,
};

type Facts = {
  kind: 'full' | 'incremental';
  unreadable: number;
  seen: number;
  /** MRNs that got an id from it. */
  written: number;
  cursor: string | null;
  sameEmr: boolean | null;
  rows: number;
};

/**
 * Decides whether a list that lacks more than half of the stored patients is rather a fault. After a change of the connection it may be that
 * of another practice: then at least half of the patients in it were not stored so. An empty list, or one of known patients, proves nothing:
 * new credentials may see less than the former ones.
 */
function isSuspicious(
  { sameEmr, written }: Facts,
  { stored, missing }: { stored: number; missing: number },
): boolean {
  if (missing <= FEW || missing * 2 <= stored) return false;
  const listed = stored - missing;
  const isAnother = sameEmr !== true && listed > 0 && written * 2 >= listed;
  return !isAnother;
}

/**
 * `more`: the next step goes on. `seen_lost`: PostgreSQL has lost what the run had read, so nothing is proved, and the run has to begin
 * again. `suspicious`: the list has lost more than half of the patients: nothing was closed.
 */
export type SettleEnd = 'more' | 'ended' | 'seen_lost' | 'suspicious';

/** Makes the next step of what only the whole list decides (`judgeMrns`). `ended`: the phase `absent` is next. */
export async function settleSync(
  deps: { database: Pick<Database, 'pool'> },
  { claim }: { claim: Claim },
): Promise<StepEnd<SettleEnd>> {
  return stepOfRun(deps, { claim }, async (tx, { runId, userId }) => {
    const [facts] = await query<Facts>(tx, FACTS, [runId]);
    if (facts === undefined || facts.rows !== facts.seen) return 'seen_lost';
    const { kind, unreadable, cursor } = facts;
    const judged = {
      settled: true,
      complete: kind === 'full' && unreadable === 0,
      incremental: kind === 'incremental',
    };
    const values = SETTLE.values({ runId, userId, ...judged, after: cursor ?? '' });
    const [row] = await query<{ phase: string }>(tx, SETTLE, values);
    await noteProgress(tx, { claim });
    return row?.phase === 'absent' ? 'ended' : 'more';
  });
}

/**
 * Makes the next step of closing the stored patients whom the list no longer has. Absence needs evidence: the list was read to its end,
 * every row of it could be read, and what was counted is there. A list that has lost more than half of the patients is rather a fault.
 */
export async function closeMissing(
  deps: { database: Pick<Database, 'pool'> },
  { claim }: { claim: Claim },
): Promise<StepEnd<SettleEnd>> {
  return stepOfRun(deps, { claim }, async (tx, { runId, userId }) => {
    const [facts] = await query<Facts>(tx, FACTS, [runId]);
    if (facts === undefined || facts.rows !== facts.seen) return 'seen_lost';
    const { kind, unreadable, seen, cursor } = facts;
    const complete = kind === 'full' && unreadable === 0;
    if (!complete && seen === 0) return 'ended';
    if (cursor === null && complete) {
      const counting = COUNT_MISSING.values({ runId, userId, complete });
      const [count] = await query<{ stored: number; missing: number }>(tx, COUNT_MISSING, counting);
      if (count !== undefined && isSuspicious(facts, count)) return 'suspicious';
    }
    const values = CLOSE_MISSING.values({ runId, userId, complete, after: cursor ?? '' });
    const [row] = await query<{ ended: boolean }>(tx, CLOSE_MISSING, values);
    await noteProgress(tx, { claim });
    return row?.ended === false ? 'more' : 'ended';
  });
}
