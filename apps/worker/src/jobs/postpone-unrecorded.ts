import { FAILURE_CODES, newEventId, paymentReviewEvent, uuidToPaymentId } from '@emr-payments/contracts';
import type { AttemptEnd, ClaimedPosting } from '@emr-payments/db';
import type { Held } from '../loops/leases.ts';
import type { JobDeps } from './deps.ts';
import { isOutage, MOST_RECORD_FAILURES, OWN_FAULT_TROUBLE, reportOwnFault } from './own-fault.ts';
import { postingDelay } from './posting-policy.ts';
import { persist } from './under-claim.ts';

/** Contains nothing but our own words: a text of the EMR may be what the database refuses. */
const REASON = FAILURE_CODES.settlement_failed.says;

type Unrecorded = { posting: ClaimedPosting; held: Held; attempt: AttemptEnd | null; error: unknown };

/**
 * Handles an end that the database refuses to record, for another reason than an outage. The payment waits, and the next claim
 * finds the outcome again: by a look-up where something was sent. After `MOST_RECORD_FAILURES` in a row it is settled as
 * `needs_review`, so that a person sees it. When that is refused too, it keeps waiting. Each failure is logged and counted.
 *
 * @returns the state in which the payment is then; null when the claim is no longer ours.
 */
export async function postponeUnrecorded(
  deps: JobDeps,
  { posting, held, attempt, error }: Unrecorded,
): Promise<'needs_review' | 'retrying' | null> {
  const { claim, payment, tries } = posting;
  const plain = withoutTexts(attempt);
  const ids = { payment_id: uuidToPaymentId(payment.id) };
  const report = (fault: unknown) =>
    reportOwnFault(deps, {
      error: fault,
      job: 'posting',
      fields: {
        ...ids,
        user_id: payment.userPublicId,
        job_id: claim.jobId,
        fence: claim.fence,
        adapter: posting.connection.adapter,
        count: posting.recordFailures + 1,
      },
    });
  /** Runs a write, and reports the fault when it is refused. */
  const written = async <T>(write: () => Promise<T>): Promise<T | 'refused'> => {
    try {
      return await persist(deps, { held, of: ids }, write);
    } catch (fault) {
      if (isOutage(fault)) throw fault;
      report(fault);
      return 'refused';
    }
  };

  report(error);
  if (posting.recordFailures + 1 >= MOST_RECORD_FAILURES) {
    const settled = await written(() => settleForReview(deps, posting, plain));
    if (settled !== 'refused') return settled ? 'needs_review' : null;
  }
  const { code, detail: reason } = OWN_FAULT_TROUBLE;
  const delayMs = postingDelay({ code, tries });
  const ourFault = 'not_recorded' as const;
  const put = await written(() =>
    deps.steps.retryPosting(deps, {
      claim,
      attempt: plain,
      postponement: { status: 'retrying', code, reason, delayMs, farEnd: 'none', uncounted: ourFault },
    }),
  );
  if (put !== 'refused') return put === null ? null : 'retrying';
  // The payment's own row may be what cannot be written: the job alone is put back.
  const back = await persist(deps, { held, of: ids }, () =>
    deps.steps.postponeJob(deps, { claim, delayMs, code, reason, ourFault }),
  );
  return back === null ? null : 'retrying';
}

/**
 * Keeps the outcome of an attempt as far as it is safe without its texts. A payment that the EMR has posted is in doubt until
 * that is recorded: an attempt that is closed as posted would let the next claim send it again.
 */
function withoutTexts(attempt: AttemptEnd | null): AttemptEnd | null {
  if (attempt === null) return null;
  return { outcome: attempt.outcome === 'posted' ? 'unknown' : attempt.outcome };
}

function settleForReview(
  { database, steps }: Pick<JobDeps, 'database' | 'steps'>,
  { claim, payment }: ClaimedPosting,
  attempt: AttemptEnd | null,
): Promise<boolean> {
  const event = paymentReviewEvent({
    eventId: newEventId(),
    round: payment.round + 1,
    userPublicId: payment.userPublicId,
    created: new Date(),
    jobId: claim.jobId,
    payment: { paymentId: uuidToPaymentId(payment.id), reviewReason: REASON },
  });
  return steps.settlePayment(
    { database },
    {
      claim,
      round: payment.round,
      clientPk: payment.clientPk,
      result: { status: 'needs_review', failureCode: 'settlement_failed', failureReason: REASON },
      attempt,
      event: { id: event.id, type: event.type, body: JSON.stringify(event) },
    },
  );
}
