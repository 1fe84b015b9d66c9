/** The lanes of which the feeding process knows where live entries begin (`lane-starts.ts`), and for each lane the two times, in milliseconds. */
const STARTS = '$3::int[], $4::float8[], $5::float8[]';

/**
 * CTEs that find the lanes in which a job is due (`waiting_lanes`), each with the time from which on its jobs are looked for (`since`), and the
 * time from which on those in flight are counted (`marked_since`).
 *
 * `walk` finds the first job of each lane, and so sees when it is due without a further read. A lane whose jobs are all due later, such as
 * that of an endpoint that is down, costs no more than this step: thousands of them can wait for hours.
 *
 * It goes through the index from lane to lane, so ten thousand jobs waiting in one lane cost as much as one. Between two runs of VACUUM
 * the index still has the entries of all jobs that were fed, and has to be read past them. So the walk does not enter the lanes of
 * `known`: it goes through the gaps between them, and each of them is looked into from its `since` on.
 */
export const WAITING_LANES = `
  known AS MATERIALIZED (
    SELECT lane_id, to_timestamp(since / 1000) AS since, to_timestamp(marked_since / 1000) AS marked_since
      FROM unnest(${STARTS}) AS each(lane_id, since, marked_since)
  ), walk AS (
    SELECT 0 AS lane_id, NULL::timestamptz AS first_run_at
    UNION ALL
    SELECT coalesce(next.lane_id, gap.until), next.run_at
      FROM walk CROSS JOIN LATERAL (SELECT min(k.lane_id) AS until FROM known k WHERE k.lane_id > walk.lane_id) gap
           LEFT JOIN LATERAL (
             SELECT j.lane_id, j.run_at FROM jobs j
              WHERE j.queued_at IS NULL AND j.lane_id > walk.lane_id AND j.lane_id < coalesce(gap.until, 2147483648)
              ORDER BY j.lane_id, j.run_at LIMIT 1) next ON true
     WHERE coalesce(next.lane_id, gap.until) IS NOT NULL
  ), waiting_lanes AS (
    SELECT walk.lane_id, coalesce(k.since, '-infinity') AS since, coalesce(k.marked_since, '-infinity') AS marked_since
      FROM walk LEFT JOIN known k ON k.lane_id = walk.lane_id
     WHERE walk.lane_id > 0 AND (CASE WHEN k.lane_id IS NULL THEN walk.first_run_at <= now() ELSE (
             SELECT j.run_at <= now() FROM jobs j WHERE j.lane_id = k.lane_id AND j.queued_at IS NULL AND j.run_at >= k.since ORDER BY j.run_at LIMIT 1) END)
  )`;
