import type { ClientMode } from '@emr-payments/contracts';
import { CLAIMED, keyedBy, setStatement } from '../core/set-statement.ts';
import { queryInSet, type StatementDeps } from '../core/statements.ts';
import { loginStopsLane } from '../health/gate.ts';
import { takeProbe } from '../health/take-probe.ts';
import { paymentOnHold } from '../holds/on-hold.ts';
import { heldSince, timeOnHold } from '../holds/time-on-hold.ts';
import type { Claim } from '../jobs/renew-leases.ts';
import type { StoredCapability } from '../tenants/save-connection.ts';
import { putBack } from './put-back.ts';

/** A payment that this process may work on, with everything that posting it needs. */
export type ClaimedPosting = {
  claim: Claim;
  /** Where the trace of its request continues; null when it is not traced. */
  traceparent: string | null;
  laneId: number;
  payment: {
    id: string;
    /** How often it has been settled. The event of this claim's end is that of the next round: only a settlement changes it. */
    round: number;
    userId: number;
    userPublicId: string;
    clientPk: number;
    patientMrn: string;
    emrPatientId: string;
    paymentMethod: string;
    referenceNumber: string;
    location: string;
    amount: string;
    notes: string | null;
    depositDate: string;
  };
  connection: {
    userId: number;
    clientMode: ClientMode;
    adapter: string;
    baseUrl: string;
    /** Sealed. */
    credentials: string | null;
    settings: Record<string, unknown>;
    /** The facts that a check has read from the EMR; undefined: none has. */
    statement: StoredCapability['statement'] | undefined;
    timeZone: string;
    /** True: the integrator gets the EMR's own words. */
    shareEmrText: boolean;
    /** True: an address of it was chosen by somebody else than an operator. */
    guarded: boolean;
    /** Changes with every change of the connection; cached adapters are keyed by it. */
    version: string;
  };
  /** How often it has been postponed. */
  tries: number;
  /** Why it was postponed last; null when it never was. */
  lastCode: string | null;
  /** How many requests have been sent to the EMR. */
  sends: number;
  /**
   * The EMR patient id that its MRN has now, where it is another one than the payment's and nothing can have left: the payment goes there
   * (`redirectPosting`). null: it goes where it says.
   */
  presentPatientId: string | null;
  /**
   * True: nothing can have left, and its MRN is not known any more. Its EMR patient id is that of a former connection (`forgetFoundPatients`), and
   * can be somebody else's at this one.
   */
  patientForgotten: boolean;
  /**
   * Milliseconds since the last send whose outcome is unknown; null when there is none. Counted from the end of the call when the
   * worker recorded it. Otherwise its holder was lost, and may have sent the request at any time until this claim, `sent_at` being
   * written an unknown time before that: then 0, and later counted from when the next holder recorded the loss (`retryPosting`).
   */
  unresolvedMs: number | null;
  /**
   * Milliseconds since the EMR first accepted the payment for later, or since the login that was broken then was mended, without those
   * under a hold: nothing is sent again. null when it has not.
   */
  acceptedMs: number | null;
  /** How many ends in a row could not be recorded. */
  recordFailures: number;
  /** When the earliest send whose outcome is open was recorded, before its request left; null when there is none. */
  unresolvedSentAt: Date | null;
  /** Until when a send whose outcome is open can have left: the end of its call, or this claim where its holder was lost (`unresolvedMs`). */
  unresolvedLeftBy: Date | null;
  /** Where the sends with an unknown outcome went, each place once, as far as it was recorded. */
  unresolvedAt: string[];
  /** Milliseconds since the retry horizon began, without those under a hold. It begins again when a broken login is mended. */
  triedForMs: number;
  /**
   * Milliseconds for which the job was due and not tried, without those under a hold, and without those since the EMR has been failing: the
   * service was off, or other payments were before it.
   */
  untriedMs: number;
  /** The connection's state is another than `connected`. */
  troubled: boolean;
  /**
   * True in a doubtful connection: each answer is written, because it ends the count of rejections in a row. Whether there are any is not
   * known yet: those of payments that are under way count too.
   */
  countsRejections: boolean;
  /** Evidence that the EMR rejects this payment alone, over the present credentials. */
  rejection: RejectionEvidence;
  /** This payment is the probe of a broken login (`takeProbe`); null when the login is not broken. */
  probe: string | null;
};

export type RejectionEvidence = {
  /** Another exchange was accepted since this payment was rejected last. */
  acceptedSince: boolean;
  /** Another exchange was accepted between two of its rejections. */
  proven: boolean;
};

/**
 * Claims a posting job: raises its fence and takes a lease, if the entry has the job's present fence and no other worker
 * holds a lease. The payment becomes `posting`, or stays `submitted`. Whether it was accepted for later is read from its
 * attempts, not from its status.
 *
 * While the payment is on hold, or the login of its connection is broken, the job is put back instead: it waits with a raised fence, and
 * no try is counted. The time until a broken login was mended does not count against the payment's limits.
 */
const CLAIM = setStatement({
  name: 'claim-posting',
  columns: { job_id: 'bigint', fence: 'int', lease_ms: 'float8' },
  text: `job AS (
      UPDATE jobs SET fence = jobs.fence + 1,
             (lease_until, queued_at) = (
               SELECT CASE WHEN NOT is_on THEN now() + make_interval(secs => asked.lease_ms / 1000) END,
                      CASE WHEN NOT is_on THEN coalesce(jobs.queued_at, now()) END
                 FROM (SELECT ${paymentOnHold('jobs.payment_id')} OR ${loginStopsLane('jobs.lane_id')} AS is_on OFFSET 0) hold)
        FROM asked WHERE ${CLAIMED} AND (jobs.lease_until IS NULL OR jobs.lease_until < now())
      RETURNING jobs.id AS job_id, jobs.fence, jobs.tries, jobs.lane_id, jobs.payment_id, jobs.record_failures, jobs.last_code,
                jobs.rejected_at, jobs.traceparent, jobs.run_at, jobs.lease_until IS NULL AS on_hold
    ), payment AS (
      UPDATE payments p SET status = CASE p.status WHEN 'submitted' THEN p.status ELSE 'posting' END FROM job
       WHERE ${keyedBy('p.id', 'SELECT payment_id FROM job', 'job.payment_id')} AND NOT job.on_hold AND p.status IN ('accepted', 'retrying', 'posting', 'submitted')
      RETURNING job.job_id, job.fence, job.tries, job.lane_id, job.record_failures, job.last_code, job.rejected_at, job.traceparent, job.run_at, p.id, p.round, p.user_id,
                p.patient_mrn, p.emr_patient_id, p.payment_method, p.reference_number, p.location, p.amount, p.notes,
                p.deposit_date, p.tried_since
    )
    SELECT p.job_id, p.fence, p.tries, p.lane_id, p.record_failures, p.last_code, p.traceparent, p.id, p.round, p.user_id, u.public_id, u.client_pk,
           p.patient_mrn, p.emr_patient_id, p.payment_method, p.reference_number, p.location, p.amount::text, p.notes, p.deposit_date::text,
            c.adapter, c.base_url, c.credentials, c.settings, c.capability_statement -> 'statement' AS statement, c.time_zone, c.share_emr_text, c.guarded, c.updated_at::text AS version,
            (SELECT mode FROM clients WHERE id = u.client_pk) AS client_mode,
            t.tried_since, extract(epoch FROM now() - t.tried_since)::float8 * 1000 AS tried_for_ms, ${heldSince('t.tried_since')} AS was_held,
            p.run_at AS due_since, extract(epoch FROM least(now(), s.failing_since) - p.run_at)::float8 * 1000 AS untried_ms,
            coalesce(s.state <> 'connected', false) AS troubled, coalesce(s.state = 'login_required', false) AS is_probing,
            coalesce(s.doubtful, false) AS counts_rejections,
            coalesce(p.rejected_at >= c.updated_at AND s.last_success_at > p.rejected_at, false) AS another_accepted,
            coalesce(p.rejected_at >= c.updated_at AND p.rejected_at > p.tried_since, false) AS proven,
           CASE WHEN a.unsent AND m.emr_patient_id <> p.emr_patient_id THEN m.emr_patient_id END AS present_patient_id,
           a.unsent AND m.mrn IS NULL AS patient_forgotten,
           a.sends, extract(epoch FROM now() - a.unresolved_since)::float8 * 1000 AS unresolved_ms, a.unresolved_sent_at, a.unresolved_left_by, a.unresolved_at,
           t.accepted_since, extract(epoch FROM now() - t.accepted_since)::float8 * 1000 AS accepted_ms
      FROM payment p
      CROSS JOIN LATERAL (SELECT * FROM users WHERE id = p.user_id OFFSET 0) u
      CROSS JOIN LATERAL (SELECT * FROM connections WHERE user_id = p.user_id OFFSET 0) c
      CROSS JOIN LATERAL (
        SELECT count(*)::int AS sends, coalesce(bool_and(outcome IN ('not_sent', 'absent', 'refused')), true) AS unsent,
               max(CASE WHEN outcome IS NULL THEN now() ELSE coalesce(finished_at, sent_at) END) FILTER (WHERE outcome IS NULL OR outcome = 'unknown') AS unresolved_since,
               min(sent_at) FILTER (WHERE outcome IS NULL OR outcome IN ('unknown', 'accepted')) AS unresolved_sent_at,
               max(CASE WHEN outcome IS NULL THEN now() ELSE coalesce(finished_at, sent_at) END) FILTER (WHERE outcome IS NULL OR outcome IN ('unknown', 'accepted')) AS unresolved_left_by,
               coalesce(array_agg(DISTINCT sent_to) FILTER (WHERE sent_to IS NOT NULL AND (outcome IS NULL OR outcome = 'unknown')), '{}') AS unresolved_at,
               min(coalesce(finished_at, sent_at)) FILTER (WHERE outcome = 'accepted') AS accepted_since
          FROM posting_attempts WHERE payment_id = p.id
      ) a
      LEFT JOIN LATERAL (SELECT mrn, emr_patient_id FROM patients WHERE user_id = p.user_id AND mrn = p.patient_mrn LIMIT 1) m ON true
      LEFT JOIN LATERAL (
        SELECT state, doubtful, last_success_at, failing_since, CASE WHEN state = 'login_required' THEN now() ELSE login_ended_at END AS login_until
          FROM connection_states WHERE user_id = p.user_id OFFSET 0
      ) s ON true
      CROSS JOIN LATERAL (
        SELECT greatest(p.tried_since, s.login_until) AS tried_since,
               CASE WHEN a.accepted_since IS NOT NULL THEN greatest(a.accepted_since, s.login_until) END AS accepted_since
      ) t`,
});

type Row = {
  fence: number;
  traceparent: string | null;
  tries: number;
  lane_id: number;
  id: string;
  round: number;
  user_id: number;
  public_id: string;
  client_pk: number;
  client_mode: ClientMode;
  patient_mrn: string;
  emr_patient_id: string;
  payment_method: string;
  reference_number: string;
  location: string;
  amount: string;
  notes: string | null;
  deposit_date: string;
  adapter: string;
  base_url: string;
  credentials: string | null;
  settings: Record<string, unknown>;
  statement: StoredCapability['statement'] | null;
  time_zone: string;
  share_emr_text: boolean;
  guarded: boolean;
  version: string;
  tried_for_ms: number;
  untried_ms: number;
  was_held: boolean;
  tried_since: Date;
  due_since: Date;
  accepted_since: Date | null;
  sends: number;
  present_patient_id: string | null;
  patient_forgotten: boolean;
  unresolved_ms: number | null;
  unresolved_sent_at: Date | null;
  unresolved_left_by: Date | null;
  unresolved_at: string[];
  accepted_ms: number | null;
  record_failures: number;
  last_code: string | null;
  troubled: boolean;
  is_probing: boolean;
  counts_rejections: boolean;
  another_accepted: boolean;
  proven: boolean;
};

/**
 * @returns null when there is nothing to do: the job is finished or held by another worker, the entry is of an earlier
 *   fence, the payment is on hold, or its login is broken, also while another exchange is the probe.
 */
export async function claimPosting(
  deps: StatementDeps,
  { jobId, fence, leaseMs }: Claim & { leaseMs: number },
): Promise<ClaimedPosting | null> {
  const row = await queryInSet<Row>(deps, CLAIM, { job_id: jobId, fence, lease_ms: leaseMs });
  if (row === undefined) return null;
  const claim = { jobId, fence: row.fence };
  const probe = row.is_probing
    ? await takeProbe(deps, { userId: row.user_id, subject: 'payment', leaseMs })
    : null;
  if (row.is_probing && probe === null) {
    await putBack(deps, claim);
    return null;
  }
  const heldMs = async (since: Date | null) =>
    row.was_held && since !== null ? timeOnHold(deps, { userId: row.user_id, since }) : 0;
  return {
    claim,
    traceparent: row.traceparent,
    laneId: row.lane_id,
    payment: {
      id: row.id,
      round: row.round,
      userId: row.user_id,
      userPublicId: row.public_id,
      clientPk: row.client_pk,
      patientMrn: row.patient_mrn,
      emrPatientId: row.emr_patient_id,
      paymentMethod: row.payment_method,
      referenceNumber: row.reference_number,
      location: row.location,
      amount: row.amount,
      notes: row.notes,
      depositDate: row.deposit_date,
    },
    connection: {
      userId: row.user_id,
      clientMode: row.client_mode,
      adapter: row.adapter,
      baseUrl: row.base_url,
      credentials: row.credentials,
      settings: row.settings,
      statement: row.statement ?? undefined,
      timeZone: row.time_zone,
      shareEmrText: row.share_emr_text,
      guarded: row.guarded,
      version: row.version,
    },
    tries: row.tries,
    lastCode: row.last_code,
    sends: row.sends,
    presentPatientId: row.present_patient_id,
    patientForgotten: row.patient_forgotten,
    unresolvedMs: row.unresolved_ms,
    unresolvedSentAt: row.unresolved_sent_at,
    unresolvedLeftBy: row.unresolved_left_by,
    unresolvedAt: row.unresolved_at,
    acceptedMs: row.accepted_ms === null ? null : row.accepted_ms - (await heldMs(row.accepted_since)),
    recordFailures: row.record_failures,
    troubled: row.troubled,
    countsRejections: row.counts_rejections,
    rejection: { acceptedSince: row.another_accepted, proven: row.proven },
    probe,
    triedForMs: row.tried_for_ms - (await heldMs(row.tried_since)),
    untriedMs: row.untried_ms - (await heldMs(row.due_since)),
  };
}
