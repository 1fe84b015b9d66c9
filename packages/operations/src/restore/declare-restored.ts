import {
  type Actor,
  type BeginRestoreOutcome,
  beginRestore,
  type Database,
  type Doubted,
  newestPayment,
  putInDoubt,
  type RestoreRecord,
} from '@emr-payments/db';

export type RestoredOutcome =
  | Exclude<BeginRestoreOutcome, { restore: RestoreRecord }>
  /** Every payment that may have been sent since is in doubt. `newest`: the newest payment that the backup has. */
  | { outcome: 'restored'; restore: RestoreRecord; doubted: Doubted; newest: Date | null };

/** After a restore of the database: puts every payment in doubt that may have been sent since the backup was taken. It can be repeated. */
export async function declareRestored(
  { database }: { database: Database },
  { since, by, onProgress }: { since: Date; by: Actor; onProgress: (soFar: Doubted) => void },
): Promise<RestoredOutcome> {
  const newest = await newestPayment({ database });
  const begun = await beginRestore({ database }, { since, by });
  if (!('restore' in begun)) return begun;
  const { restore } = begun;
  if (restore.finishedAt !== null) return { outcome: 'restored', restore, doubted: {}, newest };
  const { id: restoreId, startedAt } = restore;
  const doubted = await putInDoubt({ database }, { restoreId, since, startedAt, by, onProgress });
  return { outcome: 'restored', restore, doubted, newest };
}
