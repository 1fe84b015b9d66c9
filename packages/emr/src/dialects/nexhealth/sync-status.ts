import { type Static, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import type { CallOptions } from '../../calls.ts';
import type { Places } from './locations.ts';
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

type Sync = Static<typeof SyncSchema>;

/**
 * Reads `GET /sync_status`: "one entry per sync" (https://docs.nexhealth.com/reference/getsyncstatus). `whole`: false when there may be others,
 * of any location.
 */
async function readSyncs(
  nex: NexConnection,
  options: CallOptions,
): Promise<{ ok: true; syncs: readonly Sync[]; whole: boolean } | Failed> {
  const { subdomain } = nex.settings;
  const read = refuseError(
    await readRows(nex, { path: '/sync_status', query: { subdomain }, headers: PLATFORM }, options),
    'GET /sync_status',
  );
  if (!read.ok) return read;
  const syncs = read.rows.filter((row) => Value.Check(SyncSchema, row));
  return { ok: true, syncs, whole: syncs.length >= Math.max(read.rows.length, read.counted ?? 0) };
}

/** Reads an instant, in ms. Without a zone it is none: which one is meant is not said, and `Date.parse` takes that of our process. */
const instantOf = (text: string): number =>
  /(?:Z|[+-]\d\d:?\d\d)$/i.test(text) ? Date.parse(text) : Number.NaN;

const connects = ({ locations }: Sync, locationId: string): boolean =>
  locations.some(({ id }) => String(id) === locationId);

/**
 * Chooses a location of each database among these: "one sync represents one database", which "may contain records for a single office or
 * several office locations" (https://docs.nexhealth.com/docs/institutions-and-locations). A location that no sync names stands for itself, and
 * so does each of them where the list of syncs is not whole.
 */
export async function oneOfEachDatabase(
  nex: NexConnection,
  locationIds: readonly string[],
  options: CallOptions,
): Promise<{ ok: true; locationIds: readonly string[] } | Failed> {
  // One location needs no choice.
  if (locationIds.length <= 1) return { ok: true, locationIds };
  const read = await readSyncs(nex, options);
  if (!read.ok) return read;
  if (!read.whole) return { ok: true, locationIds };
  const databasesOf = (id: string) => read.syncs.filter((each) => connects(each, id));
  const chosen: string[] = [];
  for (const id of locationIds) {
    // At a location with several databases it is not said which of them a search covers.
    const isRead = (sync: Sync) =>
      chosen.some((before) => connects(sync, before) && databasesOf(before).length === 1);
    const databases = databasesOf(id);
    if (databases.length === 0 || !databases.every(isRead)) chosen.push(id);
  }
  return { ok: true, locationIds: chosen };
}

/**
 * Adds to a location the others of its databases: a payment that was posted at it may be at one of those now, because a person can move it there.
 * `whole`: false when there may be more of them.
 */
export async function withItsDatabases(
  nex: NexConnection,
  locationId: string,
  options: CallOptions,
): Promise<Places> {
  const read = await readSyncs(nex, options);
  if (!read.ok) return { ok: true, locationIds: [locationId], whole: false };
  const others = read.syncs
    .filter((each) => connects(each, locationId))
    .flatMap(({ locations }) => locations);
  const locationIds = [...new Set([locationId, ...others.map(({ id }) => String(id))])];
  return { ok: true, locationIds, whole: read.whole };
}

/** Reads `GET /sync_status` (https://docs.nexhealth.com/docs/interpreting-sync-status) for these locations. */
export async function readSyncState(
  nex: NexConnection,
  locationIds: readonly string[],
  options: CallOptions,
): Promise<SyncState | Failed> {
  const read = await readSyncs(nex, options);
  if (!read.ok) return read;
  const states = locationIds.map((id) => read.syncs.filter((each) => connects(each, id)));
  const concerned = states.flat();
  const covered = states.every((each) => each.length > 0);
  const readTimes = concerned.map(({ read_status, read_status_at }) =>
    read_status === 'green' ? instantOf(read_status_at ?? '') : Number.NaN,
  );
  const known =
    covered && read.whole && readTimes.length > 0 && readTimes.every((time) => !Number.isNaN(time));
  return {
    ok: true,
    writes: covered && concerned.every(({ write_status }) => write_status === 'green'),
    readAt: known ? new Date(Math.min(...readTimes)) : null,
    sources: [...new Set(concerned.flatMap(({ sync_source_name }) => sync_source_name ?? []))],
  };
}
