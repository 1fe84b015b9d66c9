import {
  newEventId,
  paymentCreatedEvent,
  paymentFailedEvent,
  paymentIdToUuid,
} from '@emr-payments/contracts';
import type { Actor } from '../audit/entry.ts';
import { auditCte, auditValues } from '../audit/record-audit.ts';
import { query, type StatementDeps } from '../core/statements.ts';
import { tellEventCtes } from '../events/publish-event.ts';
import { type PaymentKey, refusal, type WorklistRefusal } from './refusal.ts';

/** What a person found in the EMR. */
export type Resolution =
  /** It stands there under this id. */
  { outcome: 'posted'; emrTransactionId: string } | { outcome: 'not_posted' };

export type ResolveInput = PaymentKey & {
  resolution: Resolution;
  /** How the person knows; kept in the audit log, not told to the integrator. */
  note: string;
  by: Actor;
};

export type ResolveOutcome =
  | { outcome: 'resolved'; paymentId: string; status: 'posted' | 'failed'; eventId: string }
  | WorklistRefusal;

/** Told to the integrator as the payment's failure reason. */
const NOT_POSTED_REASON = 'It was looked up in the EMR by a person: the payment was not posted.';

const FIND = {
  name: 'find-payment-to-resolve',
  text: `
    SELECT p.round, p.job_id, p.payment_method, p.amount::text, p.reference_number, p.patient_mrn, u.public_id, u.client_pk
      FROM payments p JOIN users u ON u.id = p.user_id
     WHERE p.id = $1 AND ($2::int IS NULL OR p.user_id = $2) AND p.status = 'needs_review'`,
};

type Row = {
  round: number;
  job_id: number;
  payment_method: string;
  amount: string;
  reference_number: string;
  patient_mrn: string;
  public_id: string;
  client_pk: number;
};

/**
 * The compare-and-set: only the review that was read, so that of two people one wins. The attempts whose outcome was
 * unknown get the person's answer: a later retry has nothing left to ask the EMR about.
 */
const RESOLVE = {
  name: 'resolve-payment',
  text: `
    WITH payment AS (
      UPDATE payments p
         SET status = $3::payment_status, round = p.round + 1, settled_at = now(), emr_transaction_id = $4,
             failure_code = $5, failure_reason = $6
       WHERE p.id = $1 AND p.status = 'needs_review' AND p.round = $2
      RETURNING p.id, p.user_id, p.round, p.job_id
    ), doubtful AS (
      UPDATE posting_attempts a
         SET outcome = CASE WHEN $3 = 'posted' THEN 'posted' ELSE 'absent' END, finished_at = coalesce(a.finished_at, now())
        FROM payment WHERE a.payment_id = payment.id AND (a.outcome IS NULL OR a.outcome = 'unknown')
    ), ${tellEventCtes({ from: 'payment', id: 7, type: 8, body: 9, clientPk: 10 })},
    ${auditCte({ from: 'payment', at: 11 })}
    SELECT payment.round FROM payment LEFT JOIN told ON true`,
};

function eventOf(row: Row, { paymentId, resolution }: ResolveInput) {
  const head = { eventId: newEventId(), userPublicId: row.public_id, created: new Date(), jobId: row.job_id };
  if (resolution.outcome === 'not_posted') {
    return paymentFailedEvent({ ...head, payment: { paymentId, failureReason: NOT_POSTED_REASON } });
  }
  return paymentCreatedEvent({
    ...head,
    payment: {
      paymentId,
      emrTransactionId: resolution.emrTransactionId,
      paymentMethod: row.payment_method,
      amount: row.amount,
      referenceNumber: row.reference_number,
      patientMrn: row.patient_mrn,
    },
  });
}

/**
 * A person's word on a payment in `needs_review`, the only state that it is taken in: it becomes `posted` or `failed`
 * (then `retryPayment` may send it again), with the event of that end, and both in the audit log's own commit.
 *
 * @param input.userId only a payment of this user; null: of anybody, for the operator.
 */
export async function resolvePayment(deps: StatementDeps, input: ResolveInput): Promise<ResolveOutcome> {
  const { paymentId, userId, resolution, note, by } = input;
  const id = paymentIdToUuid(paymentId);
  const [row] = await query<Row>(deps, FIND, [id, userId]);
  if (row === undefined) return refusal(deps, input);
  const posted = resolution.outcome === 'posted';
  const event = eventOf(row, input);
  const audit = auditValues({
    ...by,
    action: 'payment.resolve',
    subject: `payment:${paymentId}`,
    outcome: 'done',
    detail: {
      outcome: resolution.outcome,
      ...(posted ? { emr_transaction_id: resolution.emrTransactionId } : {}),
      note,
    },
  });
  const written = await query(deps, RESOLVE, [
    id,
    row.round,
    posted ? 'posted' : 'failed',
    posted ? resolution.emrTransactionId : null,
    posted ? null : 'resolved_not_posted',
    posted ? null : NOT_POSTED_REASON,
    event.id,
    event.type,
    JSON.stringify(event),
    row.client_pk,
    ...audit,
  ]);
  if (written.length === 0) return refusal(deps, input);
  return { outcome: 'resolved', paymentId, status: posted ? 'posted' : 'failed', eventId: event.id };
}
