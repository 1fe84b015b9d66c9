import {
  type Actor,
  archiveRange,
  beginArchiving,
  findObstacles,
  listArchivedTables,
  listRanges,
  measurePartition,
  type Obstacles,
  type OwnerSession,
  type PartitionRange,
  withOwnerSession,
} from '@emr-payments/db';
import type { Manifest } from './manifest.ts';
import { prepareFolder } from './prepare-folder.ts';
import { dropWritten, writeTable } from './write-table.ts';

/** Younger payments stay: integrators still read it, and an EMR's month is still being compared. */
export const YOUNGEST_DAYS = 90;

const DAY_MS = 86_400_000;

export type ArchiveInput = {
  /** Ranges that end at this time at the latest are archived. */
  before: Date;
  /** The folder to write to; null: the tables stay in the schema `archive`. */
  to: string | null;
  /** Drops each table once its file is written and read back. */
  drop: boolean;
  by: Actor;
  onProgress?: (step: string) => void;
};

/** Why the archiving ended before all ranges were done. What was done until then stays done. */
export type Stop = { upto: Date } & ({ reason: 'refused'; obstacles: Obstacles } | { reason: 'busy' });

export type ArchiveOutcome =
  | {
      outcome: 'archived';
      moved: { upto: Date; rows: Record<string, number> }[];
      written: Manifest[];
      dropped: string[];
      /** null: every range before the date is archived. */
      stopped: Stop | null;
    }
  | { outcome: 'too_young' }
  /** The role of the URL does not own the tables. */
  | { outcome: 'not_owner' }
  /** Another process archives this database. Nothing was done. */
  | { outcome: 'running' };

/**
 * Archives payments and their posting attempts, by whole partitions, oldest first, with the events of the same time as far as they are
 * still kept. Three steps, each of which can be interrupted and is continued by the next run: the partitions are moved to the schema
 * `archive`, its tables are written to files, and those that are written are dropped.
 *
 * A range that something still refers to ends the first step, so that the archive has no gap.
 *
 * @param deps.url of the role that owns the tables.
 */
export async function archivePayments(
  { url }: { url: string },
  input: ArchiveInput,
): Promise<ArchiveOutcome> {
  if (isTooYoung(input.before)) return { outcome: 'too_young' };
  const archived = await withOwnerSession({ url }, async (session): Promise<ArchiveOutcome> => {
    if (!(await beginArchiving(session))) return { outcome: 'running' };
    // A folder that cannot be written to is found before anything is moved.
    if (input.to !== null) await prepareFolder(input.to);
    const { moved, stopped } = await moveRanges(session, input);
    const files = await writeTables(session, input);
    return { outcome: 'archived', moved, stopped, ...files };
  });
  return archived ?? { outcome: 'not_owner' };
}

const isTooYoung = (before: Date): boolean => before.getTime() > Date.now() - YOUNGEST_DAYS * DAY_MS;

async function moveRanges(session: OwnerSession, { before, by, onProgress }: ArchiveInput) {
  const moved: { upto: Date; rows: Record<string, number> }[] = [];
  let stopped: Stop | null = null;
  for (const { upto } of await listRanges(session, { before })) {
    onProgress?.(`moving what ends at ${upto.toISOString().slice(0, 10)}`);
    const archived = await archiveRange(session, { upto, by });
    if (archived.outcome !== 'archived') {
      stopped =
        archived.outcome === 'busy'
          ? { upto, reason: 'busy' }
          : { upto, reason: 'refused', obstacles: archived.obstacles };
      break;
    }
    moved.push({ upto, rows: archived.rows });
  }
  return { moved, stopped };
}

async function writeTables(
  session: OwnerSession,
  { before, to: folder, drop, by, onProgress }: ArchiveInput,
) {
  const written: Manifest[] = [];
  const dropped: string[] = [];
  if (folder === null) return { written, dropped };
  for (const table of await listArchivedTables(session, { before })) {
    onProgress?.(`writing ${table.name}`);
    const { manifest } = await writeTable(session, { folder, table });
    if (drop) {
      onProgress?.(`comparing and dropping ${table.name}`);
      written.push(await dropWritten(session, { folder, table, manifest, by }));
      dropped.push(table.name);
    } else written.push(manifest);
  }
  return { written, dropped };
}

export type RangePreview = PartitionRange & {
  sizes: { name: string; rows: number; bytes: number }[];
  obstacles: Obstacles;
};

export type PreviewOutcome =
  | { outcome: 'previewed'; ranges: RangePreview[]; archived: string[] }
  | { outcome: 'too_young' }
  | { outcome: 'not_owner' };

/** Lists what `archivePayments` would move, with rows, bytes and what refuses it, and changes nothing. */
export async function previewArchive(
  { url }: { url: string },
  { before }: { before: Date },
): Promise<PreviewOutcome> {
  if (isTooYoung(before)) return { outcome: 'too_young' };
  const previewed = await withOwnerSession({ url }, async (session): Promise<PreviewOutcome> => {
    const ranges: RangePreview[] = [];
    for (const range of await listRanges(session, { before })) {
      const sizes: RangePreview['sizes'] = [];
      for (const { name } of range.partitions)
        sizes.push({ name, ...(await measurePartition(session, { name })) });
      ranges.push({ ...range, sizes, obstacles: await findObstacles(session, range) });
    }
    const archived = await listArchivedTables(session, { before });
    return { outcome: 'previewed', ranges, archived: archived.map(({ name }) => name) };
  });
  return previewed ?? { outcome: 'not_owner' };
}
