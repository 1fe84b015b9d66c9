const half = (lane: string, condition: string, column: string) => `
  (SELECT count(*) FROM (SELECT FROM jobs j WHERE j.lane_id = ${lane} AND j.queued_at IS ${condition} ORDER BY j.${column}) jobs)`;

/**
 * A subquery that counts the jobs of a lane, those that wait and those in flight: each half has an index, and all of them together have none.
 * The order is that of the index: without it, all jobs could be read, of a table in which one lane has most of them.
 *
 * @param lane SQL for the lane's id.
 */
export const countOfLane = (lane: string): string =>
  `(SELECT (${half(lane, 'NULL', 'run_at')} + ${half(lane, 'NOT NULL', 'queued_at')})::int)`;
