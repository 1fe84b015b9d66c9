import { uuidToPaymentId } from '@emr-payments/contracts';
import { query, type StatementDeps } from '../core/statements.ts';
import type { JobKind } from '../jobs/job-kinds.ts';
import { REVIEW_CODES } from '../payments/list-payments.ts';
import { JOBS_OF_SPAN, lanesWith, SPANS_OF_JOBS } from './measure-jobs.ts';

/** The oldest piece of work of a kind, and whose it is. `owner`: the public id of a user, or of an endpoint. */
export type LateWork = {
  /** By kind, the job that has been due for longest while nothing holds it back: as `oldestDue` of `measureJobs` counts it. */
  due: { kind: JobKind; seconds: number; owner: string }[];
  /** The payment that a worker has held for longest. `seconds`: since its job was handed to the queue. */
  posting: { seconds: number; owner: string; paymentId: string } | null;
  /** The oldest event that is still to be delivered to an endpoint, but for those that a recovery sends again. `seconds`: since it was published. */
  undelivered: { seconds: number; owner: string; eventId: string; failingSince: Date | null } | null;
  /** The payment that has waited for a person for longest, among the first thousand, and how many of these there are. */
  review: { seconds: number; owner: string; paymentId: string; count: number } | null;
};

const secondsSince = (time: string): string => `extract(epoch FROM now() - ${time})::float8 AS seconds`;

const DUE = {
  name: 'find-late-due',
  text: `${SPANS_OF_JOBS}, candidate AS (
      SELECT span.kind, span.lane_id, job.run_at FROM span CROSS JOIN LATERAL (SELECT j.run_at ${JOBS_OF_SPAN} LIMIT 1) job WHERE span.state = 'due'
       UNION ALL
      SELECT kind, lane_id, oldest FROM in_flight WHERE oldest <= now()
    ), late AS MATERIALIZED (SELECT DISTINCT ON (kind) * FROM candidate ORDER BY kind, run_at)
    SELECT late.kind, ${secondsSince('late.run_at')}, coalesce(u.public_id, e.id) AS owner
      FROM late LEFT JOIN connections c ON late.lane_id IN (c.lane_id, c.sync_lane_id) LEFT JOIN users u ON u.id = c.user_id
      LEFT JOIN webhook_endpoints e ON e.lane_id = late.lane_id ORDER BY 1`,
};

const POSTING = {
  name: 'find-late-posting',
  text: `
    WITH RECURSIVE lanes_in_flight AS (${lanesWith('queued_at IS NOT NULL')} FROM lanes_in_flight w WHERE w.lane_id IS NOT NULL
    ), late AS MATERIALIZED (
      SELECT job.* FROM lanes_in_flight l CROSS JOIN LATERAL (
               SELECT j.lane_id, j.payment_id, j.queued_at FROM jobs j
                WHERE j.lane_id = l.lane_id AND j.queued_at IS NOT NULL AND j.lease_until IS NOT NULL AND j.kind = 'post_payment'
                ORDER BY j.queued_at LIMIT 1) job
       ORDER BY job.queued_at LIMIT 1)
    SELECT ${secondsSince('late.queued_at')}, u.public_id AS owner, late.payment_id AS "paymentId"
      FROM late JOIN connections c ON c.lane_id = late.lane_id JOIN users u ON u.id = c.user_id`,
};

/** Deliveries are numbered in the order of their events, and the jobs that deliver have an index by that number. */
const UNDELIVERED = {
  name: 'find-late-delivery',
  text: `
    SELECT ${secondsSince('d.created_at')}, d.endpoint_id AS owner, d.event_id AS "eventId", e.failing_since AS "failingSince"
      FROM jobs j
      CROSS JOIN LATERAL (SELECT * FROM deliveries WHERE deliveries.event_id = j.event_id AND deliveries.id = j.delivery_id OFFSET 0) d
      JOIN webhook_endpoints e ON e.id = d.endpoint_id
     WHERE j.delivery_id IS NOT NULL AND d.recovery_id IS NULL ORDER BY j.delivery_id LIMIT 1`,
};

const MOST_REVIEWS = 1_000;

/** Found by the index of payments that had to be looked at, as `countReviews` counts them. */
const REVIEW = {
  name: 'find-late-review',
  text: `
    WITH open AS MATERIALIZED (
      SELECT id, user_id, settled_at FROM payments
       WHERE status = 'needs_review' AND failure_code IN (${REVIEW_CODES.join(', ')}) LIMIT ${MOST_REVIEWS})
    SELECT ${secondsSince('open.settled_at')}, u.public_id AS owner, open.id AS "paymentId", (SELECT count(*)::int FROM open) AS count
      FROM open JOIN users u ON u.id = open.user_id ORDER BY open.settled_at LIMIT 1`,
};

/** For the test of their plans. */
export const LATE_WORK = { DUE, POSTING, UNDELIVERED, REVIEW };

const withId = <Row extends { paymentId: string }>(row: Row | undefined): Row | null =>
  row === undefined ? null : { ...row, paymentId: uuidToPaymentId(row.paymentId) };

/** Finds the oldest work of each kind, whether it is late or not. It reads live jobs, and payments for a person, and not those of the past. */
export async function findLateWork(deps: StatementDeps): Promise<LateWork> {
  const [posting] = await query<NonNullable<LateWork['posting']>>(deps, POSTING, []);
  const [undelivered = null] = await query<NonNullable<LateWork['undelivered']>>(deps, UNDELIVERED, []);
  const [review] = await query<NonNullable<LateWork['review']>>(deps, REVIEW, []);
  return {
    due: await query<LateWork['due'][number]>(deps, DUE, []),
    posting: withId(posting),
    undelivered,
    review: withId(review),
  };
}
