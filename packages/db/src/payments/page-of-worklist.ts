import { paymentIdToUuid } from '@emr-payments/contracts';
import { query, type StatementDeps } from '../core/statements.ts';
import { type PaymentPlace, REVIEW_CODES } from './list-payments.ts';
import { type PaymentRecord, type RecordRow, recordColumns, recordOf } from './payment-record.ts';

/** The states in which a payment waits for a person. */
export type WorklistStatus = 'needs_review' | 'failed';

export type WorklistFilter = {
  statuses: readonly WorklistStatus[];
  /** Public ids; undefined: of all clients, of all users. */
  clientId: string | undefined;
  publicId: string | undefined;
  after: PaymentPlace | null;
  /** Most rows. */
  limit: number;
};

/** A payment, and whose it is. */
export type OwnedPayment = PaymentRecord & { userPublicId: string; clientId: string };

/** As `listPayments` finds them: by indexes that have only payments which failed or had to be looked at. */
const CONDITIONS: Readonly<Record<WorklistStatus, string>> = {
  needs_review: `p.status = 'needs_review' AND p.failure_code IN (${REVIEW_CODES.join(', ')})`,
  failed: "p.status = 'failed' AND p.failure_code IS NOT NULL",
};

type OwnedRow = RecordRow & { userPublicId: string; clientId: string };

const owned = (row: OwnedRow): OwnedPayment => ({
  ...recordOf(row),
  userPublicId: row.userPublicId,
  clientId: row.clientId,
});

const OWNER = 'u.public_id AS "userPublicId", c.client_id AS "clientId"';
const OWNERS = 'JOIN users u ON u.id = p.user_id JOIN clients c ON c.id = u.client_pk';

/**
 * Reads a page of the payments of all users that wait for a person, newest first, for the operator. It costs what there are of such
 * payments, and is stopped by the time that its pool gives a statement.
 */
export async function pageOfWorklist(deps: StatementDeps, filter: WorklistFilter): Promise<OwnedPayment[]> {
  const sources = filter.statuses.map(
    (status) => `
      (SELECT p.id, p.created_at FROM payments p ${OWNERS}
        WHERE ${CONDITIONS[status]} AND ($1::text IS NULL OR u.public_id = $1) AND ($2::text IS NULL OR c.client_id = $2)
          AND ($3::timestamptz IS NULL OR (p.created_at, p.id) < ($3, $4::uuid))
        ORDER BY p.created_at DESC, p.id DESC LIMIT $5)`,
  );
  const text = `
    WITH page AS (${sources.join(' UNION ALL ')})
    SELECT ${recordColumns()}, ${OWNER} FROM payments p ${OWNERS}
     WHERE p.id IN (SELECT id FROM page ORDER BY created_at DESC, id DESC LIMIT $5)
     ORDER BY p.created_at DESC, p.id DESC`;
  const { publicId, clientId, after, limit } = filter;
  const place = [after?.createdAt ?? null, after?.id ?? null];
  const rows = await query<OwnedRow>(deps, { text }, [publicId ?? null, clientId ?? null, ...place, limit]);
  return rows.map(owned);
}

const FIND = {
  name: 'find-owned-payment',
  text: `SELECT ${recordColumns()}, ${OWNER} FROM payments p ${OWNERS} WHERE p.id = $1`,
};

/** Finds a payment of any user, for the operator; null when there is none of that id. */
export async function findOwnedPayment(
  deps: StatementDeps,
  { paymentId }: { paymentId: string },
): Promise<OwnedPayment | null> {
  const [row] = await query<OwnedRow>(deps, FIND, [paymentIdToUuid(paymentId)]);
  return row === undefined ? null : owned(row);
}
