import { type PaymentStatus, uuidToPaymentId } from '@emr-payments/contracts';
import { onHold } from '../holds/on-hold.ts';
import { type Waiting, type WaitingColumn, waitingColumn, waitingOf } from './find-waiting.ts';

/** A payment with its attempts and events, as reads return it. */
export type PaymentRecord = {
  /** 32 lower-case hex digits. */
  paymentId: string;
  jobId: number;
  status: PaymentStatus;
  /** It is open, and posting for its user is on hold. */
  onHold: boolean;
  patientMrn: string;
  paymentMethod: string;
  referenceNumber: string;
  location: string;
  /** Decimal with two places. */
  amount: string;
  notes: string | null;
  /** YYYY-MM-DD. */
  depositDate: string;
  emrTransactionId: string | null;
  failure: { code: string; reason: string } | null;
  waiting: Waiting | null;
  /** Oldest first. */
  attempts: { sentAt: Date; finishedAt: Date | null; outcome: string | null; code: string | null }[];
  /** Oldest first. */
  events: { id: string; type: string; createdAt: Date }[];
  createdAt: Date;
  settledAt: Date | null;
};

/**
 * Writes the columns of a payment `p` that `recordOf` needs. Attempts, events and the job are found by their own indexes, so a page
 * is one statement.
 *
 * @param ofAttempt a condition that `p.id` fulfils, written for `a.payment_id`: PostgreSQL does not conclude from one to the other,
 *   and would plan every partition of the attempts.
 */
export const recordColumns = (ofAttempt = 'true'): string => `
  p.id, p.job_id, p.status, p.patient_mrn, p.payment_method, p.reference_number, p.location, p.amount::text, p.notes,
  p.deposit_date::text, p.emr_transaction_id, p.failure_code, p.failure_reason, p.created_at, p.settled_at,
  (p.settled_at IS NULL AND ${onHold('p.user_id')}) AS on_hold,
  (SELECT json_agg(json_build_array(a.sent_at, a.finished_at, a.outcome, a.code) ORDER BY a.sent_at, a.number)
     FROM posting_attempts a WHERE a.payment_id = p.id AND ${ofAttempt}) AS attempts,
  (SELECT json_agg(json_build_array(e.id, e.type, e.created_at) ORDER BY e.round)
     FROM events e WHERE e.payment_id = p.id) AS events,${waitingColumn('p.job_id')}`;

export type RecordRow = {
  id: string;
  job_id: number;
  status: PaymentStatus;
  on_hold: boolean;
  patient_mrn: string;
  payment_method: string;
  reference_number: string;
  location: string;
  amount: string;
  notes: string | null;
  deposit_date: string;
  emr_transaction_id: string | null;
  failure_code: string | null;
  failure_reason: string | null;
  created_at: Date;
  settled_at: Date | null;
  attempts: [string, string | null, string | null, string | null][] | null;
  events: [string, string, string][] | null;
  waiting: WaitingColumn;
};

export function recordOf(row: RecordRow): PaymentRecord {
  return {
    paymentId: uuidToPaymentId(row.id),
    jobId: row.job_id,
    status: row.status,
    onHold: row.on_hold,
    patientMrn: row.patient_mrn,
    paymentMethod: row.payment_method,
    referenceNumber: row.reference_number,
    location: row.location,
    amount: row.amount,
    notes: row.notes,
    depositDate: row.deposit_date,
    emrTransactionId: row.emr_transaction_id,
    failure: row.failure_code === null ? null : { code: row.failure_code, reason: row.failure_reason ?? '' },
    waiting: waitingOf(row.waiting),
    attempts: (row.attempts ?? []).map(([sentAt, finishedAt, outcome, code]) => ({
      sentAt: new Date(sentAt),
      finishedAt: finishedAt === null ? null : new Date(finishedAt),
      outcome,
      code,
    })),
    events: (row.events ?? []).map(([id, type, createdAt]) => ({ id, type, createdAt: new Date(createdAt) })),
    createdAt: row.created_at,
    settledAt: row.settled_at,
  };
}
