import { query, type StatementDeps } from '../core/statements.ts';
import type { PageAfter } from '../endpoints/endpoint-record.ts';
import type { DeliveryStatus } from '../generated/enums.ts';

export type DeliveryFilter = {
  /** The caller must have checked whose endpoint it is. */
  endpoint: { id: string; laneId: number };
  status?: DeliveryStatus | undefined;
  eventType?: string | undefined;
  createdAfter?: Date | undefined;
  /** Only deliveries after this place. Its id is a number. */
  after: PageAfter | null;
  /** Most rows. Ask for one more than is shown, to learn whether there is another page. */
  limit: number;
};

/** A delivery with its last attempts, as the list returns it. */
export type ListedDelivery = {
  id: string;
  eventId: string;
  eventType: string;
  status: DeliveryStatus;
  attempts: number;
  createdAt: Date;
  finishedAt: Date | null;
  /** When a waiting delivery is due. */
  nextAttemptAt: Date | null;
  /** Oldest first. */
  tries: {
    number: number;
    startedAt: Date;
    durationMs: number;
    httpStatus: number | null;
    errorKind: string | null;
    excerpt: string | null;
  }[];
};

/** Most attempts shown of one delivery: a page stays bounded, however often a delivery was sent again. */
const MOST_ATTEMPTS = 20;

/** Most jobs in an endpoint's lane by which its pending deliveries are looked up. With more, a page fills up without that. */
const MOST_JOBS = 1_000;

/**
 * Builds the statement of `listDeliveries`. It has no name because the best index depends on the values: each call is planned
 * for its own.
 *
 * The order is by (created_at, id), which never change and which the indexes have, with and without a type. No index contains
 * the status, because every change of it would then write to every index of the table. Few pending deliveries are found by
 * their jobs; many are found among the newest. What failed or was canceled is found by the computed column `lost`.
 */
export function deliveriesStatement(filter: DeliveryFilter): { text: string; values: unknown[] } {
  const { endpoint, status, eventType, createdAfter, after, limit } = filter;
  const values: unknown[] = [endpoint.id, endpoint.laneId, limit];
  const conditions = ['d.endpoint_id = $1'];
  const add = (condition: (n: string) => string, value: unknown) => {
    values.push(value);
    conditions.push(condition(`$${values.length}`));
  };
  if (status !== undefined) conditions.push(`d.status = '${status}'`);
  if (status === 'failed' || status === 'canceled') conditions.push('d.lost');
  if (eventType !== undefined) add((n) => `d.event_type = ${n}`, eventType);
  if (createdAfter !== undefined) add((n) => `d.created_at > ${n}`, createdAfter);
  if (after !== null) {
    values.push(after.createdAt, after.id);
    conditions.push(`(d.created_at, d.id) < ($${values.length - 1}::timestamptz, $${values.length}::bigint)`);
  }
  const select = (more = ''): string => `
      (SELECT d.* FROM deliveries d WHERE ${conditions.join(' AND ')} ${more}
        ORDER BY d.created_at DESC, d.id DESC LIMIT $3)`;
  const pages =
    status === 'pending'
      ? `waiting AS MATERIALIZED (
      (SELECT event_id, delivery_id FROM jobs WHERE lane_id = $2 AND queued_at IS NULL LIMIT ${MOST_JOBS + 1})
      UNION ALL
      (SELECT event_id, delivery_id FROM jobs WHERE lane_id = $2 AND queued_at IS NOT NULL LIMIT ${MOST_JOBS + 1})
    ), page AS MATERIALIZED (
      SELECT * FROM (
        ${select(`AND (SELECT count(*) FROM waiting) <= ${MOST_JOBS} AND (d.event_id, d.id) IN (SELECT event_id, delivery_id FROM waiting)`)}
        UNION ALL
        ${select(`AND (SELECT count(*) FROM waiting) > ${MOST_JOBS}`)}) AS either
    )`
      : `page AS MATERIALIZED (${select()}
    )`;
  const text = `
    WITH ${pages}
    SELECT p.id::text, p.event_id, p.event_type, p.status, p.attempts, p.created_at, p.finished_at,
           CASE WHEN p.status = 'pending'
                THEN (SELECT j.run_at FROM jobs j WHERE j.delivery_id = p.id AND j.lane_id = $2 LIMIT 1) END AS next_attempt_at,
           (SELECT json_agg(json_build_array(a.number, a.started_at, a.duration_ms, a.http_status, a.error_kind, a.excerpt)
                            ORDER BY a.number)
              FROM (SELECT * FROM delivery_attempts WHERE event_id = p.event_id AND delivery_id = p.id ORDER BY number DESC LIMIT ${MOST_ATTEMPTS}) a
           ) AS tries
      FROM page p ORDER BY p.created_at DESC, p.id DESC`;
  return { text, values };
}

type Row = {
  id: string;
  event_id: string;
  event_type: string;
  status: DeliveryStatus;
  attempts: number;
  created_at: Date;
  finished_at: Date | null;
  next_attempt_at: Date | null;
  tries: [number, string, number, number | null, string | null, string | null][] | null;
};

/** Lists the deliveries of one endpoint with their last attempts, newest first. */
export async function listDeliveries(deps: StatementDeps, filter: DeliveryFilter): Promise<ListedDelivery[]> {
  const { text, values } = deliveriesStatement(filter);
  const rows = await query<Row>(deps, { text }, values);
  return rows.map((row) => ({
    id: row.id,
    eventId: row.event_id,
    eventType: row.event_type,
    status: row.status,
    attempts: row.attempts,
    createdAt: row.created_at,
    finishedAt: row.finished_at,
    nextAttemptAt: row.next_attempt_at,
    tries: (row.tries ?? []).map(([number, startedAt, durationMs, httpStatus, errorKind, excerpt]) => ({
      number,
      startedAt: new Date(startedAt),
      durationMs,
      httpStatus,
      errorKind,
      excerpt,
    })),
  }));
}
