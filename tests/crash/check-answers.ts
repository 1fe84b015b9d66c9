import type { Asked } from './records.ts';
import type { Complain } from './rules.ts';

/** Taken; a request with this key is under way; too many; not now. The only answers that a good request may get. */
const EXPECTED = [200, 409, 429, 503];
const WITH_RETRY_AFTER = [429, 503];

/** What the API answered to one client's tries, all with one key and one body. */
export function checkAnswers({ reference, tries }: Asked, complain: Complain): void {
  for (const { status, retryAfter } of tries) {
    if (status === null) continue;
    if (!EXPECTED.includes(status)) complain('answer that no client should get', reference, `${status}`);
    if (WITH_RETRY_AFTER.includes(status) && !retryAfter) {
      complain('answer that no client should get', reference, `${status} without Retry-After`);
    }
  }
  const first = tries.findIndex(({ status }) => status === 200);
  if (first === -1) return;
  const taken = tries.filter(({ status }) => status === 200);
  const ids = new Set(taken.map(({ paymentId, jobId }) => `${paymentId} ${jobId}`));
  if (ids.size > 1) complain('one key, two payments', reference, [...ids].join(', '));
  // An earlier try without an answer may have been taken; before the very first one there was none.
  if (first === 0 && taken[0]?.replayed) complain('replay is not told as one', reference, 'first try');
  if (taken.slice(1).some(({ replayed }) => !replayed)) {
    complain('replay is not told as one', reference, 'a repeat');
  }
}
