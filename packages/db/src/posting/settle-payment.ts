import { CLAIMED, keyedBy, setStatement } from '../core/set-statement.ts';
import { queryInSet, type StatementDeps } from '../core/statements.ts';
import {
  CLAIMED_DELIVERY,
  type ClaimedDelivery,
  type ClaimedDeliveryRow,
  ITS_ENDPOINT,
  toClaimedDelivery,
} from '../delivery/claimed-delivery.ts';
import { type EventMarkers, type EventRecord, publishEventCtes } from '../events/publish-event.ts';
import { FED_AT_ONCE, FEED_TURN } from '../jobs/feed-at-once.ts';
import type { DueJob } from '../jobs/feed-jobs.ts';
import { ANSWERING_LANE } from '../jobs/lane-circuit.ts';
import type { Claim } from '../jobs/renew-leases.ts';

/** The outcome of this claim's attempt, if there was one. */
export type AttemptEnd = {
  outcome: 'posted' | 'accepted' | 'refused' | 'not_sent' | 'unknown';
  code?: string;
  /** In our words. */
  detail?: string;
  /** The EMR's own words, sealed for `emrTextRow`. */
  sealedEmrText?: string;
};

export type Settlement = {
  claim: Claim;
  /** The payment's, as this claim read it. The event is that of the next one. */
  round: number;
  clientPk: number;
  result:
    | { status: 'posted'; emrTransactionId: string | null }
    | { status: 'failed' | 'needs_review'; failureCode: string; failureReason: string };
  attempt: AttemptEnd | null;
  event: EventRecord;
};

const EVENT_COLUMNS: EventMarkers = {
  id: 'event_id',
  type: 'event_type',
  body: 'event_body',
  clientPk: 'client_pk',
};

/**
 * A delivery continues the trace of its payment's job. A set without a traced payment, which is every one where nothing is traced, looks for
 * none: the condition does not depend on the delivery, so it is evaluated once.
 */
const TRACEPARENT = `CASE WHEN EXISTS (SELECT FROM payment WHERE traceparent IS NOT NULL)
             THEN (SELECT traceparent FROM payment WHERE payment.event_id = delivery.event_id) END`;

/** Feeds the new jobs at once, and claims as many of them as this process has places for. */
const AT_ONCE = {
  queuedAt: FED_AT_ONCE,
  places: '(SELECT places FROM asked)',
  leaseMs: '(SELECT lease_ms FROM asked)',
};

/** The jobs that were fed and not claimed, whose fences are 0, and when; and the claimed deliveries. */
const FED = `
  ARRAY(SELECT id::text FROM queued WHERE queued_at IS NOT NULL AND lease_until IS NULL) AS fed,
  extract(epoch FROM now())::float8 * 1000 AS queued_at,
  (SELECT json_agg(claimed) FROM (
     SELECT ${CLAIMED_DELIVERY}
       FROM queued job JOIN delivery d ON d.id = job.delivery_id JOIN event v ON v.id = d.event_id ${ITS_ENDPOINT}
      WHERE job.lease_until IS NOT NULL) claimed) AS claimed`;
type Settled = { fed?: string[]; queued_at?: number; claimed?: ClaimedDeliveryRow[] | null };

/**
 * Ends a payment in one commit: writes its status, the attempt's outcome, the one event, and a delivery with its job for
 * each endpoint that wants the event, and deletes the job. The fence decides: a holder of a stale claim finds no job and
 * changes nothing. The compare-and-set on the round keeps it to one event a round, whatever the fence says: nothing but a settlement
 * or a restore changes the round, and neither leaves a claim that could settle.
 *
 * Where a look-up found the payment in the EMR, the attempts whose outcome was open are closed as posted.
 */
const SETTLE = setStatement({
  name: 'settle-payment',
  columns: {
    job_id: 'bigint',
    fence: 'int',
    round: 'int',
    status: 'payment_status',
    emr_transaction_id: 'text',
    failure_code: 'text',
    failure_reason: 'text',
    outcome: 'text',
    code: 'text',
    detail: 'text',
    emr_text: 'text',
    client_pk: 'int',
    event_id: 'text',
    event_type: 'text',
    event_body: 'text',
    // Used by the single statement only: a set feeds and claims nothing.
    places: 'int',
    lease_ms: 'float8',
  },
  text: (form) => `job AS (
      DELETE FROM jobs USING asked WHERE ${CLAIMED} RETURNING asked.*, jobs.payment_id, jobs.lane_id, jobs.traceparent
    ), payment AS (
      UPDATE payments p
         SET status = job.status, round = least(p.round + 1, 32767), settled_at = now(), emr_transaction_id = job.emr_transaction_id,
             failure_code = job.failure_code, failure_reason = job.failure_reason, last_fence = job.fence
        FROM job WHERE ${keyedBy('p.id', 'SELECT payment_id FROM job', 'job.payment_id')} AND p.round = job.round AND p.status IN ('posting', 'submitted')
      RETURNING p.id, p.user_id, p.round, job.job_id, job.fence, job.status, job.outcome, job.code, job.detail, job.emr_text,
                job.client_pk, job.event_id, job.event_type, job.event_body, job.lane_id, job.traceparent
    ), attempt AS (
      UPDATE posting_attempts a
         SET outcome = payment.outcome, code = payment.code, detail = payment.detail, emr_text = payment.emr_text, finished_at = now()
        FROM payment WHERE ${keyedBy('a.payment_id', 'SELECT id FROM payment WHERE outcome IS NOT NULL', 'payment.id')} AND a.number = payment.fence
    ), doubtful AS (
      UPDATE posting_attempts a SET outcome = 'posted', finished_at = coalesce(a.finished_at, now()) FROM payment
       WHERE ${keyedBy('a.payment_id', "SELECT id FROM payment WHERE status = 'posted'", 'payment.id')} AND (a.outcome IS NULL OR a.outcome IN ('unknown', 'accepted'))
         AND NOT (payment.outcome IS NOT NULL AND a.number = payment.fence)
    ), ${publishEventCtes({ from: 'payment', markers: EVENT_COLUMNS, traceparent: TRACEPARENT, ...(form === 'single' ? { atOnce: AT_ONCE } : {}) })}, answering AS (
      SELECT id FROM lanes WHERE failures > 0
         AND id = ANY (ARRAY(SELECT lane_id FROM payment WHERE status = 'posted' OR outcome = 'refused')) ORDER BY id FOR NO KEY UPDATE
    ), lane AS (
      UPDATE lanes SET ${ANSWERING_LANE} WHERE id = ANY (ARRAY(SELECT id FROM answering))
    )
    SELECT job_id${form === 'single' ? `, ${FED}` : ''} FROM payment`,
});

/** Takes the jobs that a statement has marked as queued, to hand them to the queue. */
export type HandOver = {
  /** False while marked jobs would have to wait for the sweeper, and while settlements have the turn of the feed too much of the time. */
  isOpen(): boolean;
  /** @param ms how long the settlement took: for so long it may have had the turn of the feed. */
  take(jobs: readonly DueJob[], ms: number): void;
};

/** Takes the deliveries that a settlement has claimed for this process. */
export type Claimant = {
  /** How many it has places for. */
  places: number;
  leaseMs: number;
  /** @param claimedAt `performance.now()` from before the claim's statement was sent. */
  take(delivery: ClaimedDelivery, claimedAt: number): void;
};

/**
 * A settlement that comes alone also feeds its deliveries, if nobody feeds at that moment and their lanes have room: a hop less for a
 * payment that nothing else waits for. Of those that it feeds it claims as many as this process has places for, which is another hop less.
 * All others are fed by the relay.
 *
 * @param deps.handOver gets the jobs of the deliveries that were fed. Without it none is.
 * @param deps.claimant gets the deliveries that were claimed. Without it none is.
 * @returns false when the claim is no longer ours: nothing was changed.
 */
export async function settlePayment(
  deps: StatementDeps & { handOver?: HandOver; claimant?: Claimant },
  settlement: Settlement,
): Promise<boolean> {
  const { claim, round, clientPk, result, attempt, event } = settlement;
  const { handOver, claimant } = deps;
  const posted = result.status === 'posted';
  const values = {
    job_id: claim.jobId,
    fence: claim.fence,
    round,
    status: result.status,
    emr_transaction_id: posted ? result.emrTransactionId : null,
    failure_code: posted ? null : result.failureCode,
    failure_reason: posted ? null : result.failureReason,
    outcome: attempt?.outcome ?? null,
    code: attempt?.code ?? null,
    detail: attempt?.detail ?? null,
    emr_text: attempt?.sealedEmrText ?? null,
    client_pk: clientPk,
    event_id: event.id,
    event_type: event.type,
    event_body: event.body,
    places: claimant?.places ?? 0,
    lease_ms: claimant?.leaseMs ?? 0,
  };
  const turn = handOver?.isOpen() === true ? FEED_TURN : undefined;
  const askedAt = performance.now();
  const settled = await queryInSet<Settled>(deps, SETTLE, values, { turn });
  const { fed = [], queued_at: queuedAt = 0, claimed } = settled ?? {};
  for (const row of claimed ?? []) claimant?.take(toClaimedDelivery(row), askedAt);
  const jobs = fed.map((id) => ({ id, kind: 'deliver_webhook', fence: 0, queuedAt }) as const);
  if (turn !== undefined) handOver?.take(jobs, performance.now() - askedAt);
  return settled !== undefined;
}
