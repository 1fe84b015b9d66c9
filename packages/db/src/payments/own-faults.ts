import { uuidToPaymentId } from '@emr-payments/contracts';
import { query, type StatementDeps } from '../core/statements.ts';
import type { JobKind } from '../jobs/job-kinds.ts';

/** The code of the trouble that a fault of ours is. */
export const OUR_FAULT = 'our_fault';

/** Jobs that wait because of a fault of ours, and one of them. */
export type OwnFaults = {
  kind: JobKind;
  /** null for deliveries. */
  userPublicId: string | null;
  count: number;
  /** The id of a payment, the number of a delivery, or the number of a sync's job, whose log lines name the fault. */
  example: string;
};

const FIND = {
  name: 'find-own-faults',
  text: `
    SELECT j.kind, u.public_id, count(*)::int AS count, min(p.id::text) AS payment_id, min(coalesce(j.delivery_id, j.id))::text AS number
      FROM jobs j LEFT JOIN payments p ON p.id = j.payment_id LEFT JOIN sync_runs s ON s.id = j.sync_run_id
           LEFT JOIN users u ON u.id = coalesce(p.user_id, s.user_id)
     WHERE j.last_code = '${OUR_FAULT}' GROUP BY 1, 2 ORDER BY 3 DESC, 2, 1`,
};

/** Finds what waits for a fault of ours: payments and syncs by user, most first, and deliveries. It reads the live jobs only. */
export async function findOwnFaults(deps: StatementDeps): Promise<OwnFaults[]> {
  type Row = {
    kind: JobKind;
    public_id: string | null;
    count: number;
    payment_id: string | null;
    number: string;
  };
  return (await query<Row>(deps, FIND, [])).map((row) => ({
    kind: row.kind,
    userPublicId: row.public_id,
    count: row.count,
    example: row.payment_id === null ? row.number : uuidToPaymentId(row.payment_id),
  }));
}
