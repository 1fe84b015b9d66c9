import { FAILURE_CODES, type FailureCode, isFailureCode, type PaymentView } from '@emr-payments/contracts';
import type { PaymentRecord } from '@emr-payments/db';

type Attempt = PaymentView['attempts'][number];

/** Shows a payment in the form of the API. */
export function paymentView(payment: PaymentRecord): PaymentView {
  return {
    payment_id: payment.paymentId,
    job_id: payment.jobId,
    status: payment.status,
    on_hold: payment.onHold,
    patient_mrn: payment.patientMrn,
    payment_method: payment.paymentMethod,
    reference_number: payment.referenceNumber,
    location: payment.location,
    amount: Number(payment.amount),
    notes: payment.notes,
    deposit_date: payment.depositDate,
    emr_transaction_id: payment.emrTransactionId,
    failure: payment.failure === null ? null : failureView(payment.failure),
    waiting: waitingView(payment.waiting),
    attempts: payment.attempts.map((attempt, index) => ({
      // The stored number counts claims, and some of them sent nothing.
      number: index + 1,
      sent_at: attempt.sentAt.toISOString(),
      finished_at: attempt.finishedAt?.toISOString() ?? null,
      outcome: attempt.outcome as Attempt['outcome'],
      code: attempt.code,
    })),
    events: payment.events.map(({ id, type, createdAt }) => ({ id, type, created: createdAt.toISOString() })),
    created_at: payment.createdAt.toISOString(),
    settled_at: payment.settledAt?.toISOString() ?? null,
  };
}

function waitingView(waiting: PaymentRecord['waiting']): PaymentView['waiting'] {
  if (waiting === null) return null;
  const { code, reason, tries, nextTryAt } = waiting;
  return { code, reason, tries, next_try_at: nextTryAt?.toISOString() ?? null };
}

function failureView({
  code,
  reason,
}: {
  code: string;
  reason: string;
}): NonNullable<PaymentView['failure']> {
  // A newer version of this service may have settled it with a code that this one does not know.
  const known: FailureCode = isFailureCode(code) ? code : 'emr_refused';
  return { code: known, reason, action: FAILURE_CODES[known].action };
}
