import { uuidToPaymentId } from '@emr-payments/contracts';
import { query, type StatementDeps } from '../core/statements.ts';

/** The code of the trouble that a fault of ours is. */
export const OUR_FAULT = 'our_fault';

/** Jobs that wait because of a fault of ours, and one of them. `userPublicId` is null for deliveries. */
export type OwnFaults = {
  userPublicId: string | null;
  count: number;
  /** The id of a payment, or the number of a delivery, whose log lines name the fault. */
  example: string;
};

const FIND = {
  name: 'find-own-faults',
  text: `
    SELECT u.public_id, count(*)::int AS count, min(p.id::text) AS payment_id, min(j.delivery_id)::text AS delivery_id
      FROM jobs j LEFT JOIN payments p ON p.id = j.payment_id LEFT JOIN users u ON u.id = p.user_id
     WHERE j.last_code = '${OUR_FAULT}' GROUP BY 1 ORDER BY 2 DESC, 1`,
};

/** Finds what waits for a fault of ours: payments by user, most first, and deliveries. It reads the live jobs only. */
export async function findOwnFaults(deps: StatementDeps): Promise<OwnFaults[]> {
  type Row = {
    public_id: string | null;
    count: number;
    payment_id: string | null;
    delivery_id: string | null;
  };
  return (await query<Row>(deps, FIND, [])).map((row) => ({
    userPublicId: row.public_id,
    count: row.count,
    example: row.payment_id === null ? (row.delivery_id ?? '') : uuidToPaymentId(row.payment_id),
  }));
}
