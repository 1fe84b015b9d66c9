import type { Database } from '../core/database.ts';
import { query, type StatementDeps } from '../core/statements.ts';
import { inTransaction } from '../core/transaction.ts';
import { isStopped } from '../health/gate.ts';
import { nextSyncAt, startSync } from './start-sync.ts';

/** Connections that are due, the longest due first, along the index. Disabled tenants are left to `REST`. */
const DUE = {
  name: 'find-due-syncs',
  text: `
    SELECT c.user_id AS "userId",
           u.disabled_at IS NULL AND client.disabled_at IS NULL
             AND coalesce(c.settings ->> 'sync_hours', '') <> '0'
             AND NOT EXISTS (SELECT FROM sync_runs r WHERE r.user_id = c.user_id AND r.state IN ('waiting', 'running')) AS due
      FROM connections c JOIN users u ON u.id = c.user_id JOIN clients client ON client.id = u.client_pk
     WHERE c.next_sync_at IS NULL OR c.next_sync_at <= now()
     ORDER BY c.next_sync_at NULLS FIRST LIMIT $1`,
};

/** A connection that is not to be synced now is looked at again after its period. */
const REST = {
  name: 'rest-sync',
  text: `
    UPDATE connections SET next_sync_at = ${nextSyncAt('settings')}
     WHERE user_id = ANY (ARRAY(
       SELECT user_id FROM connections WHERE user_id = ANY ($1::int[]) AND (next_sync_at IS NULL OR next_sync_at <= now())
        ORDER BY user_id FOR NO KEY UPDATE))`,
};

/** Runs that wait for something else than their turn take nobody's place: those of an EMR that is down, or behind a hold or a broken login. */
const LIVE = {
  name: 'count-live-syncs',
  text: `
    SELECT count(*)::int AS count FROM sync_runs r JOIN jobs j ON j.id = r.job_id
     WHERE r.state IN ('waiting', 'running') AND (j.queued_at IS NOT NULL OR j.run_at <= now()) AND NOT ${isStopped('r.user_id')}`,
};

/**
 * Starts the scheduled syncs that are due. After an upgrade or an outage many are: never more than `mostLive` runs are under way or wait for their turn, and a
 * round starts at most `limit`. Two workers that do this at once start each of them once.
 *
 * @returns how many were started.
 */
export async function startDueSyncs(
  deps: { database: Pick<Database, 'pool'> } & StatementDeps,
  { limit, mostLive }: { limit: number; mostLive: number },
): Promise<number> {
  const [live] = await query<{ count: number }>(deps, LIVE, []);
  const room = Math.min(limit, mostLive - (live?.count ?? 0));
  if (room <= 0) return 0;
  const found = await query<{ userId: number; due: boolean }>(deps, DUE, [room]);
  const resting = found.filter(({ due }) => !due).map(({ userId }) => userId);
  if (resting.length > 0) await query(deps, REST, [resting]);
  let started = 0;
  for (const { userId, due } of found) {
    if (!due) continue;
    const run = await inTransaction(deps, async (tx) => {
      const value = await startSync(tx, { userId });
      return { commit: value.outcome === 'started', value };
    });
    if (run.outcome === 'started') started += 1;
  }
  return started;
}
