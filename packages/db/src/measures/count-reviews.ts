import { query, type StatementDeps } from '../core/statements.ts';
import { REVIEW_CODES } from '../payments/list-payments.ts';

/** Open reviews are counted so far: a person who has a thousand of them needs no more exact number. */
const MOST = 1_000;

/** Found by the index of payments that had to be looked at, as lists find them. */
export const COUNT_REVIEWS = {
  name: 'count-reviews',
  text: `
    SELECT count(*)::int AS n FROM (
      SELECT FROM payments WHERE status = 'needs_review' AND failure_code IN (${REVIEW_CODES.join(', ')}) LIMIT ${MOST}) open`,
};

/** Counts the payments of all users that wait for a person's word on whether they were posted, to 1,000. */
export async function countReviews(deps: StatementDeps): Promise<number> {
  const [row] = await query<{ n: number }>(deps, COUNT_REVIEWS, []);
  return row?.n ?? 0;
}
