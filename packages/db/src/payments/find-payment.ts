import { type PaymentStatus, paymentIdToUuid, uuidToPaymentId } from '@emr-payments/contracts';
import { query, type StatementDeps } from '../core/statements.ts';
import { type PaymentRecord, type RecordRow, recordColumns, recordOf } from './payment-record.ts';

const FIND = {
  name: 'find-payment',
  text: `SELECT ${recordColumns()} FROM payments p WHERE p.id = $1 AND p.user_id = $2`,
};

/** Finds a payment of this user; null when there is none of that id, or it is another user's. */
export async function findPayment(
  deps: StatementDeps,
  { userId, paymentId }: { userId: number; paymentId: string },
): Promise<PaymentRecord | null> {
  const [row] = await query<RecordRow>(deps, FIND, [paymentIdToUuid(paymentId), userId]);
  return row === undefined ? null : recordOf(row);
}

export type JobRecord = {
  jobId: number;
  paymentId: string;
  status: PaymentStatus;
  createdAt: Date;
  settledAt: Date | null;
};

/** Reads the payment, not the job: the job's row is deleted when the work is done, and the payment keeps its number. */
const FIND_JOB = {
  name: 'find-job',
  text: 'SELECT job_id, id, status, created_at, settled_at FROM payments WHERE job_id = $1 AND user_id = $2',
};

/** Finds the work of this user that `job_id` names; null when there is none, or it is another user's. */
export async function findJob(
  deps: StatementDeps,
  { userId, jobId }: { userId: number; jobId: number },
): Promise<JobRecord | null> {
  type Row = { job_id: number; id: string; status: PaymentStatus; created_at: Date; settled_at: Date | null };
  const [row] = await query<Row>(deps, FIND_JOB, [jobId, userId]);
  return row === undefined
    ? null
    : {
        jobId: row.job_id,
        paymentId: uuidToPaymentId(row.id),
        status: row.status,
        createdAt: row.created_at,
        settledAt: row.settled_at,
      };
}
