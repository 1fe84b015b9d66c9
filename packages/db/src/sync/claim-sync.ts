import type { ClientMode } from '@emr-payments/contracts';
import { query, type StatementDeps } from '../core/statements.ts';
import { isStopped } from '../health/gate.ts';
import { takeProbe } from '../health/take-probe.ts';
import type { Claim } from '../jobs/renew-leases.ts';
import type { ConnectionRecord } from '../tenants/find-connection.ts';
import { releaseSync } from './put-off-sync.ts';

export type SyncPhase = 'names' | 'patients' | 'settle' | 'absent';

/** A sync that this process may carry on, from where the last holder has left it. */
export type ClaimedSync = {
  claim: Claim;
  runId: string;
  userId: number;
  userPublicId: string;
  kind: 'full' | 'incremental';
  phase: SyncPhase;
  since: string | null;
  cursor: string | null;
  pages: number;
  unreadable: number;
  restarts: number;
  connection: ConnectionRecord;
  /** Postings a second, as the operator has limited them; null without a limit. */
  ratePerSecond: number | null;
  /**
   * False when the connection has been changed since the run began, and may lead to another EMR, or when a full run was requested since: the
   * run begins again.
   */
  isCurrent: boolean;
  /** False when the user or its client is disabled. */
  isEnabled: boolean;
  /** How often it was put off since the last progress. */
  tries: number;
  /** Milliseconds since the troubles began; null when there is none. */
  troubleForMs: number | null;
  /** This run is the probe of a broken login (`takeProbe`); null when the login is not broken. */
  probe: string | null;
};

/** As `claim-posting`: raises the fence and takes a lease. A sync of a user who is on hold, or whose login is broken, is put back and waits. */
const CLAIM = {
  name: 'claim-sync',
  text: `
    WITH held AS MATERIALIZED (
      SELECT r.id AS run_id, ${isStopped('r.user_id')} AS is_on FROM jobs j JOIN sync_runs r ON r.id = j.sync_run_id WHERE j.id = $1
    ), job AS (
      UPDATE jobs SET fence = jobs.fence + 1,
             lease_until = CASE WHEN NOT held.is_on THEN now() + make_interval(secs => $3::float8 / 1000) END,
             queued_at = CASE WHEN NOT held.is_on THEN coalesce(jobs.queued_at, now()) END
        FROM held
       WHERE jobs.id = $1 AND jobs.fence = $2 AND jobs.kind = 'sync_connection' AND (jobs.lease_until IS NULL OR jobs.lease_until < now())
      RETURNING jobs.fence, jobs.tries, held.run_id, held.is_on
    ), run AS (
      UPDATE sync_runs r SET state = 'running', started_at = coalesce(r.started_at, now())
        FROM job WHERE r.id = job.run_id AND NOT job.is_on
      RETURNING r.*, job.fence, job.tries
    )
    SELECT run.id::text AS run_id, run.fence, run.tries, run.kind, run.phase, run.since, run.cursor, run.pages, run.unreadable, run.restarts,
           extract(epoch FROM now() - run.trouble_since)::float8 * 1000 AS trouble_for_ms,
           c.user_id, u.public_id, c.adapter, c.base_url, c.credentials, c.settings, c.time_zone, c.guarded,
           client.mode AS client_mode, c.updated_at::text AS version,
           c.updated_at = run.version AND NOT run.full_wanted AS is_current, coalesce(s.state = 'login_required', false) AS is_probing, u.disabled_at IS NULL AND client.disabled_at IS NULL AS is_enabled,
           l.rate_per_second::float8 AS rate_per_second
      FROM run JOIN connections c ON c.user_id = run.user_id JOIN lanes l ON l.id = c.lane_id
      JOIN users u ON u.id = run.user_id JOIN clients client ON client.id = u.client_pk
      LEFT JOIN connection_states s ON s.user_id = run.user_id`,
};

/** A run that is not the probe of a broken login waits for so long. */
const PROBE_PAUSE_MS = 1_000;

type Row = {
  run_id: string;
  fence: number;
  tries: number;
  kind: 'full' | 'incremental';
  phase: SyncPhase;
  since: string | null;
  cursor: string | null;
  pages: number;
  unreadable: number;
  restarts: number;
  trouble_for_ms: number | null;
  user_id: number;
  public_id: string;
  adapter: string;
  base_url: string;
  credentials: string | null;
  settings: Record<string, unknown>;
  time_zone: string;
  guarded: boolean;
  client_mode: ClientMode;
  version: string;
  is_current: boolean;
  is_probing: boolean;
  is_enabled: boolean;
  rate_per_second: number | null;
};

/**
 * @returns null when there is nothing to do: the run has ended, another worker holds it, the entry is of an earlier fence, or the user is
 *   on hold, or its login is broken, also while another exchange is the probe.
 */
export async function claimSync(
  deps: StatementDeps,
  { jobId, fence, leaseMs }: Claim & { leaseMs: number },
): Promise<ClaimedSync | null> {
  const [row] = await query<Row>(deps, CLAIM, [jobId, fence, leaseMs]);
  if (row === undefined) return null;
  const claim = { jobId, fence: row.fence };
  const probe = row.is_probing
    ? await takeProbe(deps, { userId: row.user_id, subject: 'other', leaseMs })
    : null;
  if (row.is_probing && probe === null) {
    await releaseSync(deps, { claim, delayMs: PROBE_PAUSE_MS });
    return null;
  }
  return {
    claim,
    runId: row.run_id,
    userId: row.user_id,
    userPublicId: row.public_id,
    kind: row.kind,
    phase: row.phase,
    since: row.since,
    cursor: row.cursor,
    pages: row.pages,
    unreadable: row.unreadable,
    restarts: row.restarts,
    connection: {
      userId: row.user_id,
      adapter: row.adapter,
      baseUrl: row.base_url,
      credentials: row.credentials,
      settings: row.settings,
      timeZone: row.time_zone,
      guarded: row.guarded,
      clientMode: row.client_mode,
      version: row.version,
    },
    ratePerSecond: row.rate_per_second,
    isCurrent: row.is_current,
    isEnabled: row.is_enabled,
    tries: row.tries,
    troubleForMs: row.trouble_for_ms,
    probe,
  };
}
