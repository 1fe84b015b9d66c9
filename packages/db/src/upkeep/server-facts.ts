import { prunesFaultily } from '../core/faulty-pruning.ts';
import { query, type StatementDeps } from '../core/statements.ts';

const CLOCK = {
  name: 'server-clock',
  text: `SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS now, current_setting('server_version') AS version,
                current_setting('server_version_num')::int AS number`,
};

export type ServerClock = {
  /** Milliseconds since 1970. */
  now: number;
  /** Such as `18.7`. */
  version: string;
  /** The fault of its partition pruning is worked around (`PRUNE_SAFELY`). */
  prunesFaultily: boolean;
};

/** Reads the server's time and its version. */
export async function serverClock(deps: StatementDeps): Promise<ServerClock> {
  const [row] = await query<{ now: number; version: string; number: number }>(deps, CLOCK, []);
  if (row === undefined) throw new Error('the server did not return its time');
  return {
    now: Math.round(row.now),
    version: row.version.split(' ', 1)[0] ?? row.version,
    prunesFaultily: prunesFaultily(row.number),
  };
}

const GUARD = {
  name: 'audit-guard',
  text: `
    SELECT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = 'audit_log'::regclass
                      AND tgname = 'audit_log_is_append_only' AND tgenabled = 'A') AS guarded,
           pg_has_role(c.relowner, 'USAGE') AS owned
      FROM pg_class c WHERE c.oid = 'audit_log'::regclass`,
};

/** `owned`: guarded, but the present role could remove the trigger. */
export type AuditGuard = 'guarded' | 'owned' | 'missing';

/** Checks that the trigger which keeps the audit log append-only is there and enabled. */
export async function auditGuard(deps: StatementDeps): Promise<AuditGuard> {
  const [row] = await query<{ guarded: boolean; owned: boolean }>(deps, GUARD, []);
  if (row?.guarded !== true) return 'missing';
  return row.owned ? 'owned' : 'guarded';
}
