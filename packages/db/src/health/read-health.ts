import type { OurSentence } from '@emr-payments/contracts';
import { query, type StatementDeps } from '../core/statements.ts';
import { firstHealth, type Health, type HealthState } from './next-state.ts';

/** A connection's state with what is needed to change it. */
export type StoredHealth = {
  userPublicId: string;
  clientPk: number;
  health: Health;
  /** Of the row; 0 when there is none yet. */
  version: number;
  /** By the database's clock. */
  now: Date;
  /** When the connection was last changed, as text: exchanges over an earlier one say nothing about it. */
  connectionVersion: string;
};

type Row = {
  public_id: string;
  client_pk: number;
  connection_version: string;
  now: Date;
  created_at: Date;
  version: number | null;
  state: HealthState;
  since: Date;
  last_success_at: Date | null;
  last_trouble_code: string | null;
  /** Written from our sentences only. */
  last_trouble_detail: OurSentence | null;
  last_trouble_at: Date | null;
  failures: number;
  failing_since: Date | null;
  outages: number;
  outage_open: boolean;
  stopped_until: Date | null;
  login_ended_at: Date | null;
  doubtful: boolean;
  rejections: number;
  saved_since_broken: boolean;
};

const READ = {
  name: 'read-health',
  text: `
    SELECT u.public_id, u.client_pk, c.updated_at::text AS connection_version, now() AS now, c.created_at, s.*
      FROM users u JOIN connections c ON c.user_id = u.id LEFT JOIN connection_states s ON s.user_id = u.id
     WHERE u.id = $1`,
};

function healthOf(row: Row): Health {
  if (row.version === null) return firstHealth({ since: row.created_at });
  const { last_trouble_code: code, last_trouble_detail: detail, last_trouble_at: at } = row;
  return {
    state: row.state,
    since: row.since,
    lastSuccessAt: row.last_success_at,
    lastTrouble: code === null || detail === null || at === null ? null : { code, detail, at },
    failures: row.failures,
    failingSince: row.failing_since,
    outages: row.outages,
    outageOpen: row.outage_open,
    stoppedUntil: row.stopped_until,
    loginEndedAt: row.login_ended_at,
    doubtful: row.doubtful,
    rejections: row.rejections,
    savedSinceBroken: row.saved_since_broken,
  };
}

/** Reads the state of a user's connection; null when it has none. A connection without an exchange so far counts as connected. */
export async function readHealth(
  deps: StatementDeps,
  { userId }: { userId: number },
): Promise<StoredHealth | null> {
  const [row] = await query<Row>(deps, READ, [userId]);
  if (row === undefined) return null;
  return {
    userPublicId: row.public_id,
    clientPk: row.client_pk,
    health: healthOf(row),
    version: row.version ?? 0,
    now: row.now,
    connectionVersion: row.connection_version,
  };
}

/** True while the broken login of this state stops calls to the EMR. */
export function isLoginStopped({ health, now }: Pick<StoredHealth, 'health' | 'now'>): boolean {
  return health.state === 'login_required' && health.stoppedUntil !== null && health.stoppedUntil > now;
}
