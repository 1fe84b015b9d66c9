import {
  type FailedCode,
  newEventId,
  type OurSentence,
  paymentCreatedEvent,
  paymentFailedEvent,
  paymentReviewEvent,
  type ReviewCode,
  uuidToPaymentId,
} from '@emr-payments/contracts';
import {
  type AttemptEnd,
  type ClaimedPosting,
  OUR_FAULT,
  type Postponement,
  REPEATING,
} from '@emr-payments/db';
import type { Trouble } from '@emr-payments/emr';
import { activeSpan } from '@emr-payments/runtime';
import type { Held } from '../loops/leases.ts';
import type { LimitsAfter } from './broken-login.ts';
import type { JobDeps } from './deps.ts';
import { reasonFor, sealWords, type WordedAttempt } from './emr-words.ts';
import { isOutage, OWN_FAULT_TROUBLE } from './own-fault.ts';
import { farEndOf, farEndPause, postingDelay } from './posting-policy.ts';
import { postponeUnrecorded } from './postpone-unrecorded.ts';
import { settleAndDeliver } from './settle-and-deliver.ts';
import { persist } from './under-claim.ts';

/** The end of a claim on a payment: it is settled, or retried later. `attempt` is null when nothing was sent. */
export type PostingEnd = { attempt: WordedAttempt | null } & (
  | { status: 'posted'; emrTransactionId: string | null }
  | { status: 'failed'; code: FailedCode; reason: OurSentence }
  | { status: 'needs_review'; code: ReviewCode; reason: OurSentence }
  | {
      status: 'retrying';
      trouble: Trouble;
      /** Something that was sent may have arrived, so the payment needs a review, and has not failed, when its horizon ends. */
      inDoubt: boolean;
      /** True: the retry horizon begins again with this try (`endsByUntriedTime`). */
      beginsAgain?: true;
    }
  /** The EMR has accepted the payment for later: it is looked up again after `delayMs`, and not sent. */
  | { status: 'submitted'; trouble: Trouble; delayMs: number }
);

type Open = Extract<PostingEnd, { status: 'retrying' | 'submitted' }>;
type Ended = Exclude<PostingEnd, Open>;

const isOpen = (end: PostingEnd): end is Open => end.status === 'retrying' || end.status === 'submitted';

function eventOf(end: Ended, posting: ClaimedPosting) {
  const { claim, payment } = posting;
  const paymentId = uuidToPaymentId(payment.id);
  const head = {
    eventId: newEventId(),
    round: payment.round + 1,
    userPublicId: payment.userPublicId,
    created: new Date(),
    jobId: claim.jobId,
  };
  if (end.status === 'posted') {
    const { emrTransactionId } = end;
    return paymentCreatedEvent({ ...head, payment: { ...payment, paymentId, emrTransactionId } });
  }
  const reason = reasonFor(posting, end);
  if (end.status === 'failed') {
    return paymentFailedEvent({ ...head, payment: { paymentId, failureReason: reason } });
  }
  return paymentReviewEvent({ ...head, payment: { paymentId, reviewReason: reason } });
}

/** Names why a try does not count against the retry horizon; null when it does. */
function uncountedFor(end: Open, limits: LimitsAfter | null): Postponement['uncounted'] {
  if (limits === 'waits') return 'login';
  // This holds for a submitted payment too: time that counts after a rejection is the evidence that others were accepted (`proven`).
  if (limits === 'begins_again') return 'prevented';
  if (end.status !== 'retrying') return null;
  return end.trouble.code === OUR_FAULT || end.beginsAgain === true ? 'prevented' : null;
}

/** Writes the end. @returns null when the claim is no longer ours; how many tries in a row have had the same answer. */
async function record(
  deps: Pick<JobDeps, 'database' | 'steps' | 'leases' | 'handOver' | 'here'>,
  {
    posting,
    end,
    attempt,
    limits,
  }: { posting: ClaimedPosting; end: PostingEnd; attempt: AttemptEnd | null; limits: LimitsAfter | null },
): Promise<{ sameAnswers: number } | null> {
  const { claim, payment, tries } = posting;
  if (isOpen(end)) {
    const { code, detail: reason, retryAfterMs } = end.trouble;
    const stopped = limits === 'waits';
    const waitMs = end.status === 'submitted' ? end.delayMs : postingDelay({ code, tries, retryAfterMs });
    // It is due after the stop; at once when that has ended meanwhile.
    const delayMs = stopped ? 0 : waitMs;
    const isAlone = limits === 'runs' || limits === 'may_end';
    const pauseMs = farEndPause({ delayMs, retryAfterMs });
    const postponement = {
      code,
      reason,
      delayMs,
      // The broken login has a gate of its own, and a payment that is rejected alone says nothing of the others.
      farEnd: stopped || isAlone ? 'none' : farEndOf({ code, sent: end.attempt !== null }),
      pauseMs,
      uncounted: uncountedFor(end, limits),
    } as const;
    return deps.steps.retryPosting(
      { database: deps.database },
      { claim, attempt, postponement: { status: end.status, ...postponement } },
    );
  }
  const event = eventOf(end, posting);
  const settled = await settleAndDeliver(deps, {
    claim,
    round: payment.round,
    clientPk: payment.clientPk,
    result:
      end.status === 'posted'
        ? { status: 'posted', emrTransactionId: end.emrTransactionId }
        : { status: end.status, failureCode: end.code, failureReason: reasonFor(posting, end) },
    attempt,
    event: { id: event.id, type: event.type, body: JSON.stringify(event) },
  });
  return settled ? { sameAnswers: 0 } : null;
}

/**
 * Records the end of a claim: settles the payment, or puts it off. A stale holder changes nothing, and that is logged. An end
 * that the database refuses is put off too, until a person has to look.
 */
export async function endPosting(
  deps: JobDeps,
  {
    posting,
    held,
    end,
    limits,
  }: {
    posting: ClaimedPosting;
    held: Held;
    end: PostingEnd;
    /** The effect of a rejection of the credentials; null when they were not rejected. */
    limits: LimitsAfter | null;
  },
): Promise<void> {
  const { claim, payment } = posting;
  const { adapter } = posting.connection;
  const ids = { payment_id: uuidToPaymentId(payment.id) };
  const attempt = sealWords(deps, { posting, attempt: end.attempt });
  let status: PostingEnd['status'] = end.status;
  let code = isOpen(end) ? end.trouble.code : 'code' in end ? end.code : undefined;
  let sameAnswers: number | null;
  try {
    sameAnswers =
      (await persist(deps, { held, of: ids }, () => record(deps, { posting, end, attempt, limits })))
        ?.sameAnswers ?? null;
  } catch (error) {
    if (isOutage(error)) throw error;
    const instead = await postponeUnrecorded(deps, { posting, held, attempt, error });
    sameAnswers = instead === null ? null : 0;
    status = instead ?? status;
    code = instead === 'needs_review' ? 'settlement_failed' : OWN_FAULT_TROUBLE.code;
  }

  const fields = {
    ...ids,
    job_id: claim.jobId,
    fence: claim.fence,
    outcome: status,
    adapter,
    ...(code === undefined ? {} : { code }),
  };
  const outcome = sameAnswers === null ? 'stale_claim' : status;
  activeSpan()?.set({ 'emr_payments.outcome': outcome, 'emr_payments.code': code });
  if (sameAnswers === null) {
    deps.metrics.staleClaim();
    deps.logger.warn(fields, 'a stale claim changed nothing');
    return;
  }
  deps.metrics.posting({ adapter, outcome: status, seconds: held.heldMs() / 1000 });
  deps.logger.info(fields, 'posting');
  if (!isMilestone(sameAnswers)) return;
  deps.metrics.repeatedAnswer({ adapter });
  deps.logger.warn(
    { ...fields, user_id: payment.userPublicId, same_answers: sameAnswers },
    'the same answer again and again',
  );
}

/** True at 10 identical answers, and then at 20, 40, 80 …: one payment does not flood the log. */
function isMilestone(sameAnswers: number): boolean {
  return sameAnswers >= REPEATING && Number.isInteger(Math.log2(sameAnswers / REPEATING));
}
