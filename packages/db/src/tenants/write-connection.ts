import { isDeepStrictEqual } from 'node:util';
import { JOBS_CHANNEL } from '../core/jobs-channel.ts';
import { named } from '../core/named.ts';
import { query } from '../core/statements.ts';
import type { Transaction } from '../core/transaction.ts';

/** A connection with its lane, as it is written. */
export type ConnectionRow = {
  userId: number;
  adapter: string;
  baseUrl: string;
  timeZone: string;
  settings: object;
  /** null: nothing is known of it. */
  capability: object | null;
  /** null: it stays as it is, at first false. */
  shareEmrText: boolean | null;
  guarded: boolean;
  /** Sealed. */
  credentials: string;
  concurrency: number;
  ratePerSecond: number | null;
  /** The row of the vendor's limit; null when there is none. */
  bucketId: number | null;
};

export type StoredConnection = ConnectionRow & { laneId: number; credentials: string | null };

const FIND = {
  name: 'find-connection-to-save',
  text: `
    SELECT c.user_id AS "userId", c.lane_id AS "laneId", c.adapter, c.base_url AS "baseUrl", c.time_zone AS "timeZone", c.settings,
           c.capability_statement AS capability, c.share_emr_text AS "shareEmrText", c.guarded, c.credentials, l.concurrency,
           l.rate_per_second::float8 AS "ratePerSecond", l.bucket_id AS "bucketId"
      FROM connections c JOIN lanes l ON l.id = c.lane_id WHERE c.user_id = $1`,
};

/** Reads the connection of a user whose row is locked (`lockUser`). null when it has none yet. */
export async function findConnectionToSave(
  tx: Transaction,
  { userId }: { userId: number },
): Promise<StoredConnection | null> {
  const [row] = await query<StoredConnection>(tx, FIND, [userId]);
  return row ?? null;
}

/** The column has three decimal places. */
const storedRate = (rate: number | null): number | null => (rate === null ? null : Number(rate.toFixed(3)));

const withoutTime = (capability: object | null) =>
  capability === null ? null : { ...capability, read_at: isRead(capability) };
const isRead = (capability: object): boolean => 'read_at' in capability && capability.read_at !== null;

/** True when writing `row` would change nothing, its sealed credentials and the time at which its EMR was read left out. */
export function isAsStored(stored: StoredConnection, row: ConnectionRow): boolean {
  return (
    stored.adapter === row.adapter &&
    stored.baseUrl === row.baseUrl &&
    stored.timeZone === row.timeZone &&
    (row.shareEmrText === null || stored.shareEmrText === row.shareEmrText) &&
    stored.guarded === row.guarded &&
    stored.concurrency === row.concurrency &&
    stored.ratePerSecond === storedRate(row.ratePerSecond) &&
    stored.bucketId === row.bucketId &&
    isDeepStrictEqual(stored.settings, row.settings) &&
    isDeepStrictEqual(withoutTime(stored.capability), withoutTime(row.capability))
  );
}

const VALUES = [
  'userId',
  'adapter',
  'baseUrl',
  'timeZone',
  'settings',
  'capability',
  'shareEmrText',
  'guarded',
  'credentials',
  'concurrency',
  'ratePerSecond',
  'bucketId',
] as const;

// What was counted against the former connection says nothing about this one: the lane's circuit is closed, and the relays feed it.
// Opened adapters are kept by `updated_at`, so it changes even within a millisecond.
const WRITE = named({
  name: 'write-connection',
  values: VALUES,
  text: `
    WITH changed AS (
      UPDATE connections
         SET adapter = :adapter, base_url = :baseUrl, time_zone = :timeZone, settings = :settings::jsonb,
             capability_statement = :capability::jsonb, share_emr_text = coalesce(:shareEmrText, share_emr_text),
             guarded = :guarded, credentials = :credentials, next_sync_at = NULL,
             updated_at = greatest(now(), updated_at + interval '1 millisecond')
       WHERE user_id = :userId
      RETURNING lane_id
    ), limited AS (
      UPDATE lanes SET concurrency = :concurrency, rate_per_second = :ratePerSecond, bucket_id = :bucketId, next_slot = NULL,
             failures = 0, open_until = NULL
        FROM changed WHERE lanes.id = changed.lane_id
    ), notified AS MATERIALIZED (
      SELECT pg_notify('${JOBS_CHANNEL}', '') FROM changed
    ), lane AS (
      INSERT INTO lanes (kind, concurrency, rate_per_second, bucket_id)
      SELECT 'connection', :concurrency, :ratePerSecond, :bucketId::int WHERE NOT EXISTS (SELECT FROM changed)
      RETURNING id
    ), made AS (
      INSERT INTO connections (user_id, lane_id, adapter, base_url, time_zone, settings, capability_statement, share_emr_text, guarded, credentials)
      SELECT :userId, lane.id, :adapter, :baseUrl, :timeZone, :settings::jsonb, :capability::jsonb, coalesce(:shareEmrText, false),
             :guarded, :credentials
        FROM lane
      RETURNING lane_id
    )
    SELECT lane_id AS "laneId" FROM changed LEFT JOIN notified ON true UNION ALL SELECT lane_id FROM made`,
});

/** Writes the connection of a user whose row is locked: the first one, or one in its place. */
export async function writeConnection(tx: Transaction, row: ConnectionRow): Promise<{ laneId: number }> {
  const { settings, capability } = row;
  const values = WRITE.values({
    ...row,
    settings: JSON.stringify(settings),
    capability: capability === null ? null : JSON.stringify(capability),
  });
  const [written] = await query<{ laneId: number }>(tx, WRITE, values);
  if (written === undefined) throw new Error('the connection was not written');
  return written;
}
