/** A merged record leads to the one that it is part of now, and that one may be merged too. Longer chains lead nowhere. */
const LONGEST_CHAIN = 5;

/**
 * The values that `judgeMrns` needs. `settled`: the list was read to its end. `complete`: the run is full, and every record of the list was
 * read, so what is not in it is not in the EMR. `incremental`: the list has only what has changed; what is not in it is as it was.
 */
export const JUDGE_VALUES = ['runId', 'userId', 'settled', 'complete', 'incremental'] as const;

/**
 * CTEs that decide what the records that a run has read so far mean for some MRNs, and write it. Money is posted to the stored id, so a
 * doubt takes it away or leaves it, and never moves it:
 *
 * - Several active records have the MRN: `ambiguous`, without an id. It becomes usable again by a complete run that finds one, or by a
 *   look-up: an incremental list does not have the other record, which has not changed.
 * - One has it: the MRN gets its id if it has none (`added`). A stored id that differs is replaced only when the list shows that the
 *   stored record has left the MRN, or a complete list does not have it; in a list of changes a stored record that is not mentioned still
 *   has it, so there are two. An id that a file gave is replaced only where the EMR says that it was merged into this record, one that a
 *   look-up gave also where the EMR says that it is closed; otherwise the new one is held back (`conflicts`).
 * - None has it: `closed`, if the stored record is in the list as closed, or as merged into none.
 *
 * Before the end of the list no MRN gets an id: a later page may have another record with the same MRN, and until then money would go to
 * the first. A payment meanwhile looks its patient up, and the EMR's answer has both. Written are closed records, and two for one MRN. Not that the record is closed whose id a file
 * gave: another active one may follow, and the MRN would get that as its first id.
 *
 * @param asked SQL for a set of `mrn`.
 */
export const judgeMrns = (asked: string): string => `
    asked AS MATERIALIZED (${asked}), chain AS (
      WITH RECURSIVE link (mrn, id, state, into_id, was_merged, depth) AS (
        SELECT s.mrn, s.emr_patient_id, s.state, s.into_id, s.state = 'merged', 1
          FROM asked JOIN sync_seen s ON s.run_id = :runId::bigint AND s.mrn = asked.mrn
        -- The rows of a survivor with several MRNs are one.
        UNION
        SELECT link.mrn, link.into_id, coalesce(s.state, CASE WHEN :incremental::bool THEN 'active' ELSE 'closed' END), s.into_id, true, link.depth + 1
          FROM link LEFT JOIN sync_seen s ON s.run_id = :runId::bigint AND s.emr_patient_id = link.into_id
         WHERE link.state = 'merged' AND link.into_id IS NOT NULL AND link.depth < ${LONGEST_CHAIN}
      )
      SELECT mrn, array_agg(DISTINCT id) FILTER (WHERE state = 'active') AS ids, bool_or(was_merged) AS merged FROM link GROUP BY mrn
    ), known AS MATERIALIZED (
      SELECT chain.mrn, chain.ids, coalesce(cardinality(chain.ids), 0) AS n, chain.merged AND NOT :settled::bool AS open,
             p.mrn IS NOT NULL AS stored, p.emr_patient_id, p.state, p.source,
             -- The stored record is in this list, and no longer has the MRN. A file may give an MRN that the EMR writes otherwise.
             s.state IS NOT NULL AND (s.state <> 'active' OR p.source = 'sync' AND NOT s.has_mrn) AS has_left,
             coalesce(s.state = 'merged' AND s.into_id = chain.ids[1], false) AS leads_there
        FROM chain
        LEFT JOIN LATERAL (SELECT * FROM patients WHERE user_id = :userId::int AND mrn = chain.mrn LIMIT 1) p ON true
        LEFT JOIN LATERAL (
          SELECT min(state) AS state, min(into_id) AS into_id, bool_or(mrn = chain.mrn) AS has_mrn
            FROM sync_seen WHERE run_id = :runId::bigint AND emr_patient_id = p.emr_patient_id) s ON true
    ), decided AS MATERIALIZED (
      SELECT *, CASE
        WHEN open THEN 'same'
        WHEN n > 1 THEN CASE WHEN state = 'ambiguous' THEN 'same'
                             WHEN source = 'import' AND emr_patient_id IS NOT NULL THEN 'conflict' ELSE 'ambiguous' END
        WHEN n = 1 THEN CASE
          WHEN emr_patient_id = ids[1] THEN 'same'
          WHEN state = 'ambiguous' THEN CASE WHEN :complete::bool THEN 'changed' ELSE 'same' END
          WHEN NOT :settled::bool THEN 'same'
          WHEN emr_patient_id IS NULL THEN 'added'
          WHEN leads_there THEN 'changed'
          WHEN source = 'lookup' AND has_left THEN 'changed'
          WHEN source <> 'sync' THEN 'conflict'
          WHEN has_left OR :complete::bool THEN 'changed'
          WHEN :incremental::bool THEN 'ambiguous'
          ELSE 'same' END
        WHEN has_left AND (:settled::bool OR source <> 'import') OR state = 'ambiguous' AND :complete::bool THEN 'closed'
        ELSE 'same' END AS verdict
      FROM known
    ), written AS (
      INSERT INTO patients AS p (user_id, mrn, emr_patient_id, state, source)
      SELECT :userId::int, mrn, CASE WHEN verdict IN ('added', 'changed') THEN ids[1] END,
             CASE WHEN verdict IN ('closed', 'ambiguous') THEN verdict ELSE 'active' END::patient_state, 'sync'
        FROM decided WHERE verdict IN ('added', 'changed', 'closed', 'ambiguous')
       -- New rows and stored ones in one order, that of an import: neither waits for the other in a circle.
       ORDER BY mrn COLLATE "C"
      ON CONFLICT (user_id, mrn) DO UPDATE
        SET emr_patient_id = excluded.emr_patient_id, state = excluded.state, source = 'sync', synced_at = now()
      -- Compared with what was decided about: whatever was committed since, such as a person's correction, stays.
       WHERE (p.mrn, coalesce(p.emr_patient_id, ''), p.state, p.source)
             IN (SELECT mrn, coalesce(emr_patient_id, ''), state, source FROM decided WHERE stored)
      RETURNING p.mrn
    ), counted AS (
      SELECT verdict FROM decided WHERE mrn IN (SELECT mrn FROM written)
      UNION ALL SELECT verdict FROM decided WHERE verdict = 'conflict' AND :settled::bool
    ), changes AS (
      SELECT count(*) FILTER (WHERE verdict = 'added')::int AS added, count(*) FILTER (WHERE verdict = 'changed')::int AS changed,
             count(*) FILTER (WHERE verdict = 'closed')::int AS closed, count(*) FILTER (WHERE verdict = 'ambiguous')::int AS ambiguous,
             count(*) FILTER (WHERE verdict = 'conflict')::int AS conflicts FROM counted
    )`;

/** SET list that adds the changes of a step to the counts of its run. */
export const ADD_CHANGES = `added = r.added + changes.added, changed = r.changed + changes.changed, closed = r.closed + changes.closed,
             ambiguous = r.ambiguous + changes.ambiguous, conflicts = r.conflicts + changes.conflicts,
             trouble_since = NULL, last_code = NULL, last_reason = NULL`;
