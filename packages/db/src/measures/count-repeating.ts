import { query, type StatementDeps } from '../core/statements.ts';

/** From this many identical answers in a row on, a payment counts as one that an operator should look at. */
export const REPEATING = 10;

/** Counted so far, as open reviews are. */
const MOST = 1_000;

/** Found by an index that has only these jobs, with the same number in its condition. */
export const COUNT_REPEATING = {
  name: 'count-repeating',
  text: `
    SELECT count(*)::int AS n FROM (
      SELECT FROM jobs WHERE kind = 'post_payment' AND same_answers >= ${REPEATING} LIMIT ${MOST}) repeating`,
};

/** Counts the open payments whose last tries, `REPEATING` or more, all had the same answer, to 1,000. */
export async function countRepeating(deps: StatementDeps): Promise<number> {
  const [row] = await query<{ n: number }>(deps, COUNT_REPEATING, []);
  return row?.n ?? 0;
}
