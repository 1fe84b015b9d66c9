import { query, type StatementDeps } from '../core/statements.ts';
import type { ExchangeSubject } from './next-state.ts';

/**
 * A payment comes first: a look-up or a sync is the probe only while no payment of the connection is due or on its way. The right that they
 * need may be missing while payments are accepted, and they would stop the connection again and again. The orders are those of the indexes:
 * without them, all jobs could be read, of a table in which one lane has most of them.
 */
export const TAKE_PROBE = {
  name: 'take-probe',
  text: `
    UPDATE connection_states s SET probe_until = now() + make_interval(secs => $2::float8 / 1000)
     WHERE s.user_id = $1 AND s.state = 'login_required'
       AND coalesce(s.stopped_until <= now(), true) AND coalesce(s.probe_until <= now(), true)
       AND ($3::text = 'payment' OR NOT EXISTS (
             SELECT FROM connections c
              WHERE c.user_id = $1 AND coalesce(
                      (SELECT true FROM jobs j WHERE j.lane_id = c.lane_id AND j.queued_at IS NOT NULL ORDER BY j.queued_at LIMIT 1),
                      (SELECT true FROM jobs j WHERE j.lane_id = c.lane_id AND j.queued_at IS NULL AND j.run_at <= now() ORDER BY j.run_at LIMIT 1),
                      false)))
    RETURNING s.probe_until::text AS probe`,
};

/**
 * Takes the one probe of a connection whose login is broken and whose stop has ended. One that is lost with its process is followed by the
 * next after `leaseMs`.
 *
 * @returns the probe, for `endProbe`; null when another exchange has it, or the connection's stop has not ended: nothing may be sent.
 */
export async function takeProbe(
  deps: StatementDeps,
  { userId, subject, leaseMs }: { userId: number; subject: ExchangeSubject; leaseMs: number },
): Promise<string | null> {
  const [row] = await query<{ probe: string }>(deps, TAKE_PROBE, [userId, leaseMs, subject]);
  return row?.probe ?? null;
}

const END = {
  name: 'end-probe',
  text: `
    UPDATE connection_states SET probe_until = NULL
     WHERE user_id = $1 AND probe_until = $2::timestamptz AND state = 'login_required'`,
};

/** Ends a probe that said nothing about the login: the next one need not wait for its lease. A later probe is left alone. */
export async function endProbe(
  deps: StatementDeps,
  { userId, probe }: { userId: number; probe: string },
): Promise<void> {
  await query(deps, END, [userId, probe]);
}
