import { firstPaymentUuid, uuidToPaymentId } from '@emr-payments/contracts';
import { query, type StatementDeps } from '../core/statements.ts';

/** Payments of one user with one transaction id of the same EMR, oldest first. */
export type SharedId = { userPublicId: string; emrTransactionId: string; paymentIds: string[] };

const DAY_MS = 86_400_000;

/** Payments of so many days are compared, of these the newest: a payment of another's entry is recorded soon after the other. */
export const COMPARED_DAYS = 30;
export const MOST_COMPARED = 20_000;

/** More of them are one fault, and need no more examples. */
const MOST_FOUND = 100;

/**
 * Payments begin with their time, so their primary key finds the newest; an index of the EMR's ids would cost every settlement a write. The place
 * of the last attempt tells the EMRs of a user apart whose connection was replaced: another EMR may give the same number.
 */
export const FIND_SHARED_IDS = {
  name: 'find-shared-ids',
  text: `
    WITH newest AS MATERIALIZED (
      SELECT id, user_id, emr_transaction_id FROM payments WHERE id >= $1::uuid AND id < $2::uuid ORDER BY id DESC LIMIT $3
    ), shared AS MATERIALIZED (
      SELECT user_id, emr_transaction_id, array_agg(id) AS ids FROM newest WHERE emr_transaction_id IS NOT NULL
       GROUP BY 1, 2 HAVING count(*) > 1 LIMIT ${MOST_FOUND}
    ), placed AS MATERIALIZED (
      SELECT s.user_id, s.emr_transaction_id, one.id,
             (SELECT a.sent_to FROM posting_attempts a WHERE a.payment_id = one.id ORDER BY a.number DESC LIMIT 1) AS place
        FROM shared s CROSS JOIN LATERAL unnest(s.ids) AS one(id)
    )
    SELECT u.public_id AS "userPublicId", p.emr_transaction_id AS "emrTransactionId", array_agg(p.id::text ORDER BY p.id) AS "paymentIds"
      FROM placed p JOIN users u ON u.id = p.user_id GROUP BY 1, 2, p.place HAVING count(*) > 1 ORDER BY max(p.id::text) DESC`,
};

/** The values of `FIND_SHARED_IDS`. */
export const sharedIdsValues = ({ now = Date.now(), most = MOST_COMPARED } = {}): unknown[] => [
  firstPaymentUuid(new Date(now - COMPARED_DAYS * DAY_MS)),
  firstPaymentUuid(new Date(now + DAY_MS)),
  most,
];

/**
 * Finds payments that have the transaction id of another payment of the same user and EMR, newest first: one of them was taken for the other's entry, or
 * the EMR has made one entry of both. It compares the newest payments only (`MOST_COMPARED`, `COMPARED_DAYS`).
 */
export async function findSharedIds(deps: StatementDeps): Promise<SharedId[]> {
  const found = await query<SharedId>(deps, FIND_SHARED_IDS, sharedIdsValues());
  return found.map((one) => ({ ...one, paymentIds: one.paymentIds.map(uuidToPaymentId) }));
}
