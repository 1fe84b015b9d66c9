import {
  type FailedCode,
  newEventId,
  paymentCreatedEvent,
  paymentFailedEvent,
  paymentReviewEvent,
  type ReviewCode,
  uuidToPaymentId,
} from '@emr-payments/contracts';
import type { AttemptEnd, ClaimedPosting } from '@emr-payments/db';
import type { Trouble } from '@emr-payments/emr';
import type { Held } from '../loops/leases.ts';
import type { JobDeps } from './deps.ts';
import { farEndOf, postingDelay } from './posting-policy.ts';
import { persist } from './under-claim.ts';

/** The end of a claim on a payment: it is settled, or retried later. `attempt` is null when nothing was sent. */
export type PostingEnd = { attempt: AttemptEnd | null } & (
  | { status: 'posted'; emrTransactionId: string }
  | { status: 'failed'; code: FailedCode; reason: string }
  | { status: 'needs_review'; code: ReviewCode; reason: string }
  | {
      status: 'retrying';
      trouble: Trouble;
      /** Something that was sent may have arrived, so the payment needs a review, and has not failed, when its horizon ends. */
      inDoubt: boolean;
    }
);

type Ended = Exclude<PostingEnd, { status: 'retrying' }>;

function eventOf(end: Ended, { claim, payment }: ClaimedPosting) {
  const paymentId = uuidToPaymentId(payment.id);
  const head = {
    eventId: newEventId(),
    userPublicId: payment.userPublicId,
    created: new Date(),
    jobId: claim.jobId,
  };
  if (end.status === 'posted') {
    const { emrTransactionId } = end;
    return paymentCreatedEvent({ ...head, payment: { ...payment, paymentId, emrTransactionId } });
  }
  if (end.status === 'failed') {
    return paymentFailedEvent({ ...head, payment: { paymentId, failureReason: end.reason } });
  }
  return paymentReviewEvent({ ...head, payment: { paymentId, reviewReason: end.reason } });
}

/** Records the end of a claim: settles the payment, or puts it off. A stale holder changes nothing, and that is logged. */
export async function endPosting(
  deps: JobDeps,
  { posting, held, end }: { posting: ClaimedPosting; held: Held; end: PostingEnd },
): Promise<void> {
  const { claim, laneId, payment } = posting;
  const written = await persist(held, () => {
    if (end.status === 'retrying') {
      const delayMs = postingDelay({ tries: posting.tries, retryAfterMs: end.trouble.retryAfterMs });
      return deps.steps.retryPosting(
        { database: deps.database },
        { claim, delayMs, attempt: end.attempt, farEnd: farEndOf(end.trouble) },
      );
    }
    const event = eventOf(end, posting);
    return deps.steps.settlePayment(
      { database: deps.database.grouped },
      {
        claim,
        laneId,
        clientPk: payment.clientPk,
        result:
          end.status === 'posted'
            ? { status: 'posted', emrTransactionId: end.emrTransactionId }
            : { status: end.status, failureCode: end.code, failureReason: end.reason },
        attempt: end.attempt,
        event: { id: event.id, type: event.type, body: JSON.stringify(event) },
      },
    );
  });

  const fields = {
    payment_id: uuidToPaymentId(payment.id),
    job_id: claim.jobId,
    fence: claim.fence,
    outcome: end.status,
    adapter: posting.connection.adapter,
    ...(end.status === 'retrying' ? { code: end.trouble.code } : {}),
    ...('code' in end ? { code: end.code } : {}),
  };
  if (!written) {
    deps.metrics.staleClaim();
    deps.logger.warn(fields, 'a stale claim changed nothing');
    return;
  }
  const { adapter } = posting.connection;
  deps.metrics.posting({ adapter, outcome: end.status, seconds: held.heldMs() / 1000 });
  deps.logger.info(fields, 'posting');
}
