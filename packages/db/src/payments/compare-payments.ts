import { type PaymentStatus, paymentIdToUuid, uuidToPaymentId } from '@emr-payments/contracts';
import { query, type StatementDeps } from '../core/statements.ts';

/** A payment that the EMR has and that is not `posted` here. `status` is null when this user has no such payment. */
export type PaymentDifference = { paymentId: string; status: PaymentStatus | null };

const COMPARE = {
  name: 'compare-payments',
  text: `
    SELECT given.id, p.status
      FROM unnest($1::uuid[]) WITH ORDINALITY AS given(id, n)
      LEFT JOIN payments p ON p.id = given.id AND p.user_id = $2
     WHERE p.status IS DISTINCT FROM 'posted' ORDER BY given.n`,
};

/** Finds those of the payments that are not `posted` for this user, in the given order. */
export async function comparePayments(
  deps: StatementDeps,
  { userId, paymentIds }: { userId: number; paymentIds: readonly string[] },
): Promise<PaymentDifference[]> {
  type Row = { id: string; status: PaymentStatus | null };
  const rows = await query<Row>(deps, COMPARE, [paymentIds.map(paymentIdToUuid), userId]);
  return rows.map(({ id, status }) => ({ paymentId: uuidToPaymentId(id), status }));
}
