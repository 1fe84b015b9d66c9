import type { Requested } from './records.ts';
import type { Complain } from './rules.ts';

/** The only statuses that a valid request may get: accepted, key in use, too many requests, unavailable. */
const EXPECTED = [200, 409, 429, 503];
const WITH_RETRY_AFTER = [429, 503];

/** Checks the API's answers to one client's tries, which all had the same key and body. */
export function checkAnswers({ reference, tries }: Requested, complain: Complain): void {
  for (const { status, retryAfter } of tries) {
    if (status === null) continue;
    if (!EXPECTED.includes(status)) complain('answer that no client should get', reference, `${status}`);
    if (WITH_RETRY_AFTER.includes(status) && !retryAfter) {
      complain('answer that no client should get', reference, `${status} without Retry-After`);
    }
  }
  const first = tries.findIndex(({ status }) => status === 200);
  if (first === -1) return;
  const accepted = tries.filter(({ status }) => status === 200);
  const ids = new Set(accepted.map(({ paymentId, jobId }) => `${paymentId} ${jobId}`));
  if (ids.size > 1) complain('one key, two payments', reference, [...ids].join(', '));
  // Only the very first try cannot be a replay: an earlier one without an answer may have been accepted.
  if (first === 0 && accepted[0]?.replayed) {
    complain('Idempotent-Replayed is wrong', reference, 'set on the first try');
  }
  if (accepted.slice(1).some(({ replayed }) => !replayed)) {
    complain('Idempotent-Replayed is wrong', reference, 'not set on a repeat');
  }
}
