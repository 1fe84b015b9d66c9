import { FAILURE_CODES, PAYMENT_STATUSES, type PaymentStatus } from '@emr-payments/contracts';
import { query, type StatementDeps } from '../core/statements.ts';
import { paymentIdsOf } from '../partitions/payment-ids.ts';
import { type PaymentRecord, type RecordRow, recordColumns, recordOf } from './payment-record.ts';

/** A payment's place in the list; the next rows are older. `id` is a uuid. */
export type PaymentPlace = { createdAt: Date; id: string };

export type PaymentFilter = {
  userId: number;
  /** Any of these; an empty list means all. */
  statuses?: readonly PaymentStatus[] | undefined;
  patientMrn?: string | undefined;
  referenceNumber?: string | undefined;
  location?: string | undefined;
  createdAfter?: Date | undefined;
  createdBefore?: Date | undefined;
  /** Only payments that follow this place. */
  after?: PaymentPlace | undefined;
  /** Most rows. Ask for one more than is shown, to learn whether there is another page. */
  limit: number;
};

export const REVIEW_CODES = Object.entries(FAILURE_CODES).flatMap(([code, { status }]) =>
  status === 'needs_review' ? `'${code}'` : [],
);

/**
 * Finds the payments of each state fast among millions. No index contains the status, because PostgreSQL would then
 * write to every index of the table at each change of status. The two states of the worklist are found by the failure
 * code, which changes only for the few payments that fail, and open payments by their jobs, which are few by nature.
 */
const WAYS: { statuses: readonly PaymentStatus[]; condition: string }[] = [
  {
    statuses: ['accepted', 'posting', 'retrying', 'submitted'],
    condition: `p.id IN (
      SELECT j.payment_id FROM jobs j JOIN connections c ON c.lane_id = j.lane_id WHERE c.user_id = $1 AND j.queued_at IS NULL
      UNION ALL
      SELECT j.payment_id FROM jobs j JOIN connections c ON c.lane_id = j.lane_id WHERE c.user_id = $1 AND j.queued_at IS NOT NULL)`,
  },
  { statuses: ['failed'], condition: 'p.failure_code IS NOT NULL' },
  { statuses: ['needs_review'], condition: `p.failure_code IN (${REVIEW_CODES.join(', ')})` },
  { statuses: ['posted'], condition: 'p.failure_code IS NULL' },
];

/** Returns the condition on ids of the filter's times; the page follows its cursor, and goes from new to old. */
function idsOf({ createdAfter, createdBefore, after }: PaymentFilter): (column: string) => string {
  const ends = [createdBefore, after?.createdAt].filter((time) => time !== undefined);
  const until = ends.length === 0 ? undefined : new Date(Math.min(...ends.map((time) => time.getTime())));
  return paymentIdsOf({ since: createdAfter, until }) ?? (() => 'true');
}

/** Builds the conditions over `payments p`, with their values from $2 on; $1 is the user. */
function conditionsOf(filter: PaymentFilter): { conditions: string[]; values: unknown[] } {
  const conditions = ['p.user_id = $1'];
  const values: unknown[] = [filter.userId];
  const add = (condition: (n: string) => string, value: unknown) => {
    if (value === undefined) return;
    values.push(value);
    conditions.push(condition(`$${values.length}`));
  };
  add((n) => `p.patient_mrn = ${n}`, filter.patientMrn);
  add((n) => `p.reference_number = ${n}`, filter.referenceNumber);
  add((n) => `p.location = ${n}`, filter.location);
  add((n) => `p.created_at > ${n}`, filter.createdAfter);
  add((n) => `p.created_at < ${n}`, filter.createdBefore);
  if (filter.after !== undefined) {
    values.push(filter.after.createdAt, filter.after.id);
    conditions.push(`(p.created_at, p.id) < ($${values.length - 1}::timestamptz, $${values.length}::uuid)`);
  }
  return { conditions, values };
}

/** Builds one condition for each of the ways (`WAYS`) that the wanted states need; together they find every row of the page. */
function sourcesOf(filter: PaymentFilter, conditions: readonly string[]): string[] {
  const all = (more: readonly string[]) => [...conditions, ...more].join(' AND ');
  const { statuses = [] } = filter;
  if (statuses.length === 0 || statuses.length === PAYMENT_STATUSES.length) return [all([])];
  return WAYS.flatMap((way) => {
    const wanted = way.statuses.filter((status) => statuses.includes(status));
    if (wanted.length === 0) return [];
    return all([way.condition, `p.status IN (${wanted.map((status) => `'${status}'`).join(', ')})`]);
  });
}

/**
 * Builds the statement of `listPayments`. It has no name because the best index depends on the values: each call is planned
 * for its own.
 */
export function listStatement(filter: PaymentFilter): { text: string; values: unknown[] } {
  const { conditions, values } = conditionsOf(filter);
  const ids = idsOf(filter);
  conditions.push(ids('p.id'));
  values.push(filter.limit);
  const limit = `$${values.length}`;
  const sources = sourcesOf(filter, conditions);
  const columns = recordColumns(ids('a.payment_id'));
  const order = `ORDER BY p.created_at DESC, p.id DESC`;
  const page = (select: string, source: string) =>
    `SELECT ${select} FROM payments p WHERE ${source} ${order} LIMIT ${limit}`;
  const [only, ...more] = sources;
  // Planning is most of a list's cost, and what names the table once costs half to plan.
  if (only !== undefined && more.length === 0) return { text: page(columns, only), values };
  const text = `
    WITH page AS (${sources.map((source) => `(${page('p.id, p.created_at', source)})`).join(' UNION ALL ')})
    SELECT ${columns} FROM payments p
     WHERE p.id IN (SELECT id FROM page ORDER BY created_at DESC, id DESC LIMIT ${limit}) AND ${ids('p.id')} ${order}`;
  return { text, values };
}

/**
 * Reads a page of one user's payments, newest first. The order is by (created_at, id), which never change, so a payment that
 * is accepted in the meantime moves nothing between the pages.
 */
export async function listPayments(deps: StatementDeps, filter: PaymentFilter): Promise<PaymentRecord[]> {
  const { text, values } = listStatement(filter);
  return (await query<RecordRow>(deps, { text }, values)).map(recordOf);
}
