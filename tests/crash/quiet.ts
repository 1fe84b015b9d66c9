import { setTimeout as wait } from 'node:timers/promises';
import { PASS_LOGIN_STOPS } from './pass-login-stops.ts';
import { onDatabase } from './transitions.ts';

export type Quiet = {
  /** True when no job was left, except those of payments that wait for their EMR. */
  settled: boolean;
  /** The number of unsettled payments when the faults were over. */
  backlog: number;
  /** Time from the end of the last fault until the last payment was settled. */
  settleMs: number;
  /** Time from the end of the last fault until the last delivery. */
  deliverMs: number;
};

const EVERY_MS = 500;

/**
 * Makes waiting deliveries due. By the published schedule a delivery waits minutes or hours after its second failure; the
 * suite tests that no delivery is forgotten, not how long it waits.
 */
const MAKE_DUE = `UPDATE jobs SET run_at = now()
                WHERE kind = 'deliver_webhook' AND queued_at IS NULL AND run_at > now()`;

/**
 * The same for postings to the foreign EMR, which goes on giving strange answers: after some of them in a row the next try, or
 * the next probe of the circuit, is minutes away. An EMR that is asked too early says so once more, and nothing is sent by that.
 */
const PASS_TIME = `
  WITH due AS (
    UPDATE jobs SET run_at = now() + make_interval(secs => random() * 2)
     WHERE kind = 'post_payment' AND queued_at IS NULL AND run_at > now() + interval '5 seconds'
  )
  UPDATE lanes SET open_until = NULL, failures = 0 WHERE open_until > now()`;

const LEFT = `
  SELECT count(*)::int + (SELECT count(*)::int FROM recoveries WHERE state = 'running') AS left, (count(*) FILTER (WHERE kind = 'post_payment'))::int AS payments,
         (count(*) FILTER (WHERE p.status::text = 'submitted'))::int AS submitted
    FROM jobs LEFT JOIN payments p ON p.id = jobs.payment_id WHERE jobs.kind <> 'sync_connection'`;
type Left = { left: number; payments: number; submitted: number };

/** Payments that their EMR has accepted for later and may never finish are waited for so long, when nothing else is left. */
const SUBMITTED_MS = 15_000;

const LAST = `
  SELECT (SELECT max(extract(epoch FROM settled_at)) * 1000 FROM payments)::float8 AS settled,
         (SELECT max(extract(epoch FROM finished_at)) * 1000 FROM deliveries)::float8 AS delivered`;

/**
 * Waits after the faults until every payment is settled, every event delivered and every recovery ended.
 *
 * @param input.stuckAfterMs stops waiting when the number of jobs and recoveries has not decreased for this long: the rest is stuck.
 */
export async function waitForQuiet(input: {
  databaseUrl: string;
  /** A time of `Date.now()`. */
  faultsEndedAt: number;
  stuckAfterMs: number;
  /** The foreign EMR is in the run. */
  withForeign: boolean;
}): Promise<Quiet> {
  const { databaseUrl, faultsEndedAt, stuckAfterMs, withForeign } = input;
  return await onDatabase(databaseUrl, async (client) => {
    let backlog: number | undefined;
    let least = Number.POSITIVE_INFINITY;
    let settled = false;
    for (let progressAt = Date.now(), patienceMs = stuckAfterMs; Date.now() - progressAt < patienceMs; ) {
      await client.query(MAKE_DUE);
      await client.query(PASS_LOGIN_STOPS);
      if (withForeign) await client.query(PASS_TIME);
      const { left = 0, payments = 0, submitted = 0 } = (await client.query<Left>(LEFT)).rows[0] ?? {};
      backlog ??= payments;
      if (left < least) progressAt = Date.now();
      least = Math.min(least, left);
      settled = left === submitted;
      patienceMs = settled ? SUBMITTED_MS : stuckAfterMs;
      if (left === 0) break;
      await wait(EVERY_MS);
    }
    type Last = { settled: number | null; delivered: number | null };
    const [last] = (await client.query<Last>(LAST)).rows;
    const since = (at: number | null | undefined) => Math.max(0, (at ?? 0) - faultsEndedAt);
    return {
      settled,
      backlog: backlog ?? 0,
      settleMs: since(last?.settled),
      deliverMs: since(last?.delivered),
    };
  });
}
