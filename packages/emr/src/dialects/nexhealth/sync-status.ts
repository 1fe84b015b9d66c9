import { Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import type { CallOptions } from '../../adapter.ts';
import { type Failed, PLATFORM, readRows, refuseError } from './read.ts';
import type { NexConnection } from './settings.ts';

const SyncSchema = Type.Object({
  sync_source_name: Type.Optional(Type.String()),
  read_status: Type.Optional(Type.String()),
  read_status_at: Type.Optional(Type.String()),
  write_status: Type.Optional(Type.String()),
  locations: Type.Array(Type.Object({ id: Type.Union([Type.Integer(), Type.String()]) })),
});

/** The link between NexHealth and the systems of the locations that were asked for. */
export type SyncState = {
  ok: true;
  /** False when NexHealth says of one that it cannot write now, or says nothing of it: what it accepts has to wait. */
  writes: boolean;
  /**
   * The last moment up to which every ledger was read, as NexHealth says; null when it does not say it of all, or says that one
   * cannot be read now.
   */
  readAt: Date | null;
  /** The names of the systems. */
  sources: readonly string[];
};

/** Reads `GET /sync_status` (https://docs.nexhealth.com/docs/interpreting-sync-status) for these locations. */
export async function readSyncState(
  nex: NexConnection,
  locationIds: readonly string[],
  options: CallOptions,
): Promise<SyncState | Failed> {
  const { subdomain } = nex.settings;
  const read = refuseError(
    await readRows(nex, { path: '/sync_status', query: { subdomain }, headers: PLATFORM }, options),
    'GET /sync_status',
  );
  if (!read.ok) return read;
  const syncs = read.rows.filter((row) => Value.Check(SyncSchema, row));
  const states = locationIds.map((id) =>
    syncs.filter(({ locations }) => locations.some((location) => String(location.id) === id)),
  );
  const concerned = states.flat();
  const covered = states.every((each) => each.length > 0);
  const readTimes = concerned.map(({ read_status, read_status_at }) =>
    read_status === 'green' ? Date.parse(read_status_at ?? '') : Number.NaN,
  );
  const known = covered && readTimes.length > 0 && readTimes.every((time) => !Number.isNaN(time));
  return {
    ok: true,
    writes: covered && concerned.every(({ write_status }) => write_status === 'green'),
    readAt: known ? new Date(Math.min(...readTimes)) : null,
    sources: [...new Set(concerned.flatMap(({ sync_source_name }) => sync_source_name ?? []))],
  };
}
