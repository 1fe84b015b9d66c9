import {
  newEventId,
  paymentCreatedEvent,
  paymentFailedEvent,
  paymentIdToUuid,
} from '@emr-payments/contracts';
import type { Actor } from '../audit/entry.ts';
import { AUDIT_VALUES, auditCte, auditValues } from '../audit/record-audit.ts';
import { named } from '../core/named.ts';
import { query, type StatementDeps } from '../core/statements.ts';
import { EVENT_VALUES, publishEventCtes } from '../events/publish-event.ts';
import { type PaymentKey, refusal, type WorklistRefusal } from './refusal.ts';

/** A person's finding in the EMR. */
export type Resolution =
  /** The payment is there, under this id; null where the person found no id. */
  { outcome: 'posted'; emrTransactionId: string | null } | { outcome: 'not_posted' };

export type ResolveInput = PaymentKey & {
  /** The payment's last event when the person looked. Without it the finding counts for whatever review there is. */
  eventId?: string | undefined;
  resolution: Resolution;
  /** The person's explanation. It is kept in the audit log and not sent to the integrator. */
  note: string;
  by: Actor;
};

export type ResolveOutcome =
  | { outcome: 'resolved'; paymentId: string; status: 'posted' | 'failed'; eventId: string }
  /** It has been settled since the person looked, and needs another review: it may have been sent again meanwhile. Nothing was changed. */
  | { outcome: 'another_review' }
  | WorklistRefusal;

/** Sent to the integrator as the payment's failure reason. */
const NOT_POSTED_REASON = 'It was looked up in the EMR by a person: the payment was not posted.';

const FIND = {
  name: 'find-payment-to-resolve',
  text: `
    SELECT p.round, p.job_id, p.payment_method, p.amount::text, p.reference_number, p.patient_mrn, u.public_id, u.client_pk
      FROM payments p JOIN users u ON u.id = p.user_id
     WHERE p.id = $1 AND ($2::int IS NULL OR p.user_id = $2) AND p.status = 'needs_review'
       AND ($3::text IS NULL OR $3 = (SELECT e.id FROM events e WHERE e.payment_id = p.id ORDER BY e.round DESC LIMIT 1))`,
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
 * Compare-and-set: changes only the review that was read (same status and round), so that of two people one wins. The
 * attempts whose outcome was open get the person's answer: a later retry has nothing left to ask the EMR about.
 */
const RESOLVE = named({
  name: 'resolve-payment',
  values: [
    'id',
    'round',
    'status',
    'emrTransactionId',
    'failureCode',
    'failureReason',
    ...EVENT_VALUES,
    ...AUDIT_VALUES,
  ],
  text: `
    WITH payment AS (
      UPDATE payments p
         SET status = :status::payment_status, round = least(p.round + 1, 32767), settled_at = now(), emr_transaction_id = :emrTransactionId,
             failure_code = :failureCode, failure_reason = :failureReason
       WHERE p.id = :id AND p.status = 'needs_review' AND p.round = :round
      RETURNING p.id, p.user_id, p.round, p.job_id
    ), doubtful AS (
      UPDATE posting_attempts a
         SET outcome = CASE WHEN :status = 'posted' THEN 'posted' ELSE 'absent' END, finished_at = coalesce(a.finished_at, now())
        FROM payment WHERE a.payment_id = payment.id AND (a.outcome IS NULL OR a.outcome IN ('unknown', 'accepted'))
    ), ${publishEventCtes({ from: 'payment' })},
    ${auditCte({ from: 'payment' })}
    SELECT payment.round FROM payment LEFT JOIN notified ON true`,
});

function eventOf(row: Row, { paymentId, resolution }: ResolveInput) {
  const head = {
    eventId: newEventId(),
    round: row.round + 1,
    userPublicId: row.public_id,
    created: new Date(),
    jobId: row.job_id,
  };
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

async function whyNot(deps: StatementDeps, input: ResolveInput): Promise<ResolveOutcome> {
  const refused = await refusal(deps, input);
  const isInReview = refused.outcome === 'wrong_state' && refused.status === 'needs_review';
  return isInReview ? { outcome: 'another_review' } : refused;
}

/**
 * Settles a payment in `needs_review` (and in no other state) by a person's decision: it becomes `posted` or `failed`,
 * and a failed one may be sent again by `retryPayment`. Status, event and audit entry are one commit.
 *
 * @param input.userId only a payment of this user; null: of any user, for the operator.
 */
export async function resolvePayment(deps: StatementDeps, input: ResolveInput): Promise<ResolveOutcome> {
  const { paymentId, userId, eventId = null, resolution, note, by } = input;
  const id = paymentIdToUuid(paymentId);
  const [row] = await query<Row>(deps, FIND, [id, userId, eventId]);
  if (row === undefined) return whyNot(deps, input);
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
  const values = RESOLVE.values({
    id,
    round: row.round,
    status: posted ? 'posted' : 'failed',
    emrTransactionId: posted ? resolution.emrTransactionId : null,
    failureCode: posted ? null : 'resolved_not_posted',
    failureReason: posted ? null : NOT_POSTED_REASON,
    eventId: event.id,
    eventType: event.type,
    eventBody: JSON.stringify(event),
    clientPk: row.client_pk,
    ...audit,
  });
  const written = await query(deps, RESOLVE, values);
  if (written.length === 0) return whyNot(deps, input);
  return { outcome: 'resolved', paymentId, status: posted ? 'posted' : 'failed', eventId: event.id };
}
