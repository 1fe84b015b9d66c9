import { setTimeout as wait } from 'node:timers/promises';
import { onDatabase } from './transitions.ts';

export type Quiet = {
  /** Nothing was left to do. */
  settled: boolean;
  /** Payments without an end when the faults were over: what had piled up. */
  backlog: number;
  /** From the end of the last fault to the last payment that reached an end. */
  settleMs: number;
  /** From the end of the last fault to the last delivery. */
  deliverMs: number;
};

const EVERY_MS = 500;

/**
 * The published schedule would have a delivery wait minutes or hours after its second failure. Those that wait are made
 * due: what is under test is that nothing is forgotten, not that the suite has hours.
 */
const HURRY = `UPDATE jobs SET run_at = now()
                WHERE kind = 'deliver_webhook' AND queued_at IS NULL AND run_at > now()`;

const LEFT = `
  SELECT count(*)::int AS left, (count(*) FILTER (WHERE kind = 'post_payment'))::int AS payments FROM jobs`;

const LAST = `
  SELECT (SELECT max(extract(epoch FROM settled_at)) * 1000 FROM payments)::float8 AS settled,
         (SELECT max(extract(epoch FROM finished_at)) * 1000 FROM deliveries)::float8 AS delivered`;

/**
 * Waits, with all faults over, until every payment is settled and every event delivered.
 *
 * @param input.stuckAfterMs what is left counts as stuck when this long has passed and it has not become less.
 */
export async function waitForQuiet(input: {
  databaseUrl: string;
  /** By `Date.now()`. */
  faultsEndedAt: number;
  stuckAfterMs: number;
}): Promise<Quiet> {
  const { databaseUrl, faultsEndedAt, stuckAfterMs } = input;
  return await onDatabase(databaseUrl, async (client) => {
    let backlog: number | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (let progressAt = Date.now(); least > 0 && Date.now() - progressAt < stuckAfterMs; ) {
      await client.query(HURRY);
      const { left = 0, payments = 0 } =
        (await client.query<{ left: number; payments: number }>(LEFT)).rows[0] ?? {};
      backlog ??= payments;
      if (left < least) progressAt = Date.now();
      least = Math.min(least, left);
      if (left > 0) await wait(EVERY_MS);
    }
    type Last = { settled: number | null; delivered: number | null };
    const [last] = (await client.query<Last>(LAST)).rows;
    const since = (at: number | null | undefined) => Math.max(0, (at ?? 0) - faultsEndedAt);
    return {
      settled: least === 0,
      backlog: backlog ?? 0,
      settleMs: since(last?.settled),
      deliverMs: since(last?.delivered),
    };
  });
}
