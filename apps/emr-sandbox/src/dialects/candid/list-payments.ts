import type { PatientPayment } from './payment.ts';
import { unprocessable } from './problem.ts';

export type Query = Record<string, string | string[] | undefined>;

const SORTS = ['payment_source', 'amount_cents', 'payment_timestamp', 'payment_note'] as const;
type Sort = (typeof SORTS)[number];

/** The value of a parameter; of one that is given twice, the last. */
export const one = (query: Query, name: string): string | undefined => [query[name]].flat().at(-1);

/** The page size: more than 0 and less than 1000, by default 100. */
function limitOf(query: Query): number {
  const limit = Number(one(query, 'limit') ?? '100');
  if (!Number.isInteger(limit) || limit < 1 || limit > 999)
    throw unprocessable('limit: must be greater than 0 and less than 1000');
  return limit;
}

/** A token leads to one page of one search: it holds the place where the page begins. */
const tokenAt = (offset: number) => Buffer.from(`offset=${offset}`).toString('base64url');

function offsetOf(query: Query): number {
  const token = one(query, 'page_token');
  if (token === undefined) return 0;
  const [, offset] = /^offset=(\d{1,9})$/.exec(Buffer.from(token, 'base64url').toString()) ?? [];
  if (offset === undefined) throw unprocessable('page_token: is not one of this list');
  return Number(offset);
}

function sortOf(query: Query): { by: Sort; descending: boolean } {
  const by = one(query, 'sort') ?? 'payment_timestamp';
  const direction = one(query, 'sort_direction') ?? 'desc';
  if (!(SORTS as readonly string[]).includes(by)) throw unprocessable('sort: is not a field to sort by');
  if (direction !== 'asc' && direction !== 'desc') throw unprocessable('sort_direction: must be asc or desc');
  return { by: by as Sort, descending: direction === 'desc' };
}

function compare(a: PatientPayment, b: PatientPayment, by: Sort): number {
  const [left, right] = [a[by] ?? '', b[by] ?? ''];
  return left < right ? -1 : left > right ? 1 : 0;
}

/** True unless a filter of the query excludes the payment. A parameter that the vendor does not have is ignored without a word. */
function matches(payment: PatientPayment, query: Query): boolean {
  const sources = [query.sources].flat().filter((each) => each !== undefined);
  const is = (name: string, value: string | undefined) => {
    const wanted = one(query, name);
    return wanted === undefined || wanted === value;
  };
  return (
    is('source_internal_id', payment.source_internal_id) &&
    is('patient_external_id', payment.patient_external_id) &&
    is('invoice_id', payment.invoice) &&
    (sources.length === 0 || sources.includes(payment.payment_source)) &&
    // Every allocation here is unattributed.
    ['claim_id', 'service_line_id', 'billing_provider_id'].every((name) => query[name] === undefined)
  );
}

/** Builds one page of the payments that the query asks for. */
export function listPayments(payments: readonly PatientPayment[], query: Query): object {
  const { by, descending } = sortOf(query);
  const [limit, offset] = [limitOf(query), offsetOf(query)];
  const found = payments
    .filter((payment) => matches(payment, query))
    .sort((a, b) => (descending ? -1 : 1) * compare(a, b, by));
  return {
    items: found.slice(offset, offset + limit),
    ...(offset > 0 ? { prev_page_token: tokenAt(Math.max(0, offset - limit)) } : {}),
    ...(offset + limit < found.length ? { next_page_token: tokenAt(offset + limit) } : {}),
  };
}
