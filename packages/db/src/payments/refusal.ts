import { paymentIdToUuid } from '@emr-payments/contracts';
import { query, type StatementDeps } from '../core/statements.ts';
import type { PaymentStatus } from '../generated/client.ts';

export type PaymentKey = {
  /** 32 lower-case hex digits. */
  paymentId: string;
  /** The user whose payment it must be; null: any user's, for the operator. */
  userId: number | null;
};

/** Nothing was changed, because there is no such payment of this user, or its state does not allow the change. */
export type WorklistRefusal = { outcome: 'not_found' } | { outcome: 'wrong_state'; status: PaymentStatus };

const FIND = {
  name: 'find-payment-status',
  text: 'SELECT status FROM payments WHERE id = $1 AND ($2::int IS NULL OR user_id = $2)',
};

/** Finds out why a compare-and-set found no payment to change. */
export async function refusal(
  deps: StatementDeps,
  { paymentId, userId }: PaymentKey,
): Promise<WorklistRefusal> {
  const [row] = await query<{ status: PaymentStatus }>(deps, FIND, [paymentIdToUuid(paymentId), userId]);
  return row === undefined ? { outcome: 'not_found' } : { outcome: 'wrong_state', status: row.status };
}
