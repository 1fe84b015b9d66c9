import type { Actor } from '../audit/entry.ts';
import { recordAudit } from '../audit/record-audit.ts';
import { JOBS_CHANNEL } from '../core/jobs-channel.ts';
import { named } from '../core/named.ts';
import { query } from '../core/statements.ts';
import type { Transaction } from '../core/transaction.ts';
import { lockUser } from '../locks/parent-rows.ts';
import { SYNC_HOURS } from './sync-hours.ts';

/** A full run is due at least this often: only it finds patients whom the EMR has deleted without listing that as a change. */
const FULL_DAYS = 7;

/** A scheduled sync begins up to this part of its period sooner or later, so that not all connections begin at once. */
const JITTER = 0.1;

const CONNECTION = {
  name: 'find-connection-to-sync',
  text: `
    SELECT c.sync_lane_id AS "laneId",
           live.job_id AS "liveJobId", live.kind AS "liveKind"
      FROM connections c LEFT JOIN sync_runs live ON live.user_id = c.user_id AND live.state IN ('waiting', 'running')
     WHERE c.user_id = $1`,
};

/**
 * Makes the live run a full one: at once when it has not begun, otherwise its holder lets it begin again at its next step. It waits for an end
 * that is being written, and has no row when that has ended the run, or when it is a full one already.
 */
const RAISE = {
  name: 'raise-sync',
  text: `
    UPDATE sync_runs SET kind = CASE state WHEN 'waiting' THEN 'full' ELSE kind END,
           since = CASE WHEN state <> 'waiting' THEN since END, full_wanted = state <> 'waiting'
     WHERE job_id = $1 AND kind = 'incremental' AND state IN ('waiting', 'running')
    RETURNING job_id AS "jobId"`,
};

/** Its concurrency is 0 on purpose: see `PRESENT_CAP`. It has no bucket: each call of a sync is counted when it is made, and yields. */
const MAKE_LANE = {
  name: 'make-sync-lane',
  text: `
    WITH lane AS (INSERT INTO lanes (kind, concurrency) VALUES ('sync', 0) RETURNING id)
    UPDATE connections SET sync_lane_id = lane.id FROM lane WHERE user_id = $1 RETURNING lane.id`,
};

/** The watermark counts only for the connection over which it was read, and only until a full run is due. */
const START = named({
  name: 'start-sync',
  values: ['userId', 'laneId', 'startedBy', 'full'],
  text: `
    WITH connection AS MATERIALIZED (
      SELECT user_id, updated_at, settings,
             CASE WHEN NOT :full::bool AND synced_version = updated_at AND full_synced_at > now() - interval '${FULL_DAYS} days' THEN sync_watermark END AS since
        FROM connections WHERE user_id = :userId
    ), run AS (
      INSERT INTO sync_runs (job_id, user_id, kind, started_by, version, since)
      SELECT nextval('jobs_id_seq'), user_id, CASE WHEN since IS NULL THEN 'full' ELSE 'incremental' END::sync_kind,
             :startedBy::sync_start, updated_at, since
        FROM connection
      RETURNING id, job_id, kind
    ), job AS (
      INSERT INTO jobs (id, kind, lane_id, sync_run_id) SELECT job_id, 'sync_connection', :laneId, id FROM run
    ), next AS (
      UPDATE connections c SET next_sync_at = ${nextSyncAt('connection.settings')} FROM connection WHERE c.user_id = connection.user_id
    ), notified AS MATERIALIZED (
      SELECT pg_notify('${JOBS_CHANNEL}', '') FROM run
    )
    SELECT job_id AS "jobId", kind FROM run LEFT JOIN notified ON true`,
});

/** When the next scheduled sync begins: never, in the year 9999, where the setting is 0. @param settings SQL for the connection's settings. */
export function nextSyncAt(settings: string): string {
  const hours = `coalesce((${settings} ->> 'sync_hours')::float8, ${SYNC_HOURS})`;
  return `CASE WHEN ${hours} = 0 THEN '9999-01-01'::timestamptz
               ELSE now() + make_interval(secs => ${hours} * 3600 * (${1 - JITTER} + ${2 * JITTER} * random())) END`;
}

export type StartedSync =
  | { outcome: 'started'; jobId: number; kind: 'full' | 'incremental' }
  /** One is waiting or running already. */
  | { outcome: 'running'; jobId: number }
  /** One that reads only what has changed was waiting or running: it has become a full one, or begins again as one. */
  | { outcome: 'raised'; jobId: number }
  | { outcome: 'no_connection' };

type Connection = {
  laneId: number | null;
  liveJobId: number | null;
  liveKind: 'full' | 'incremental' | null;
};

/**
 * Starts a sync of a user's connection: writes the run and its job. One at a time: while one waits or runs, it is the answer. An incremental
 * one becomes a full one where that is requested.
 *
 * @param input.by absent: the schedule, which is not audited.
 * @param input.full true: all patients are read.
 */
export async function startSync(
  tx: Transaction,
  { userId, full = false, by }: { userId: number; full?: boolean; by?: Actor },
): Promise<StartedSync> {
  const user = await lockUser(tx, { userId });
  let [connection] = await query<Connection>(tx, CONNECTION, [userId]);
  if (user === null || connection === undefined) return { outcome: 'no_connection' };
  const audit = (started: { jobId: number; kind: 'full' | 'incremental' }) =>
    by === undefined
      ? undefined
      : recordAudit(tx, {
          ...by,
          action: 'sync.start',
          subject: `user:${user.publicId}`,
          outcome: 'done',
          detail: { job_id: started.jobId, kind: started.kind },
        });
  if (connection.liveJobId !== null) {
    const jobId = connection.liveJobId;
    if (!full || connection.liveKind === 'full') return { outcome: 'running', jobId };
    if ((await query(tx, RAISE, [jobId])).length === 1) {
      await audit({ jobId, kind: 'full' });
      return { outcome: 'raised', jobId };
    }
    // It has ended, or its holder has let it begin again as a full one.
    [connection] = await query<Connection>(tx, CONNECTION, [userId]);
    if (connection === undefined) return { outcome: 'no_connection' };
    if (connection.liveJobId !== null) return { outcome: 'running', jobId: connection.liveJobId };
  }
  const laneId = connection.laneId ?? (await query<{ id: number }>(tx, MAKE_LANE, [userId]))[0]?.id;
  const startedBy = by === undefined ? 'schedule' : 'request';
  const [run] = await query<{ jobId: number; kind: 'full' | 'incremental' }>(
    tx,
    START,
    START.values({ userId, laneId, startedBy, full }),
  );
  if (run === undefined) throw new Error('the sync was not written');
  await audit(run);
  return { outcome: 'started', ...run };
}
