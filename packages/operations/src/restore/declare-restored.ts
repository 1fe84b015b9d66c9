import {
  type Actor,
  type BeginRestoreOutcome,
  beginRestore,
  type Database,
  type Doubted,
  findLossInDoubt,
  newestPayment,
  putInDoubt,
  type RestoreRecord,
} from '@emr-payments/db';

export type RestoredOutcome =
  | Exclude<BeginRestoreOutcome, { restore: RestoreRecord }>
  /** A backup of this time was dealt with before, and the database has lost commits once more since. */
  | { outcome: 'lost_again'; finishedAt: Date }
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
  const { finishedAt } = restore;
  if (finishedAt !== null) {
    const lost = await findLossInDoubt({ database });
    return lost === null
      ? { outcome: 'restored', restore, doubted: {}, newest }
      : { outcome: 'lost_again', finishedAt };
  }
  const { id: restoreId, startedAt } = restore;
  const doubted = await putInDoubt({ database }, { restoreId, since, startedAt, by, onProgress });
  return { outcome: 'restored', restore, doubted, newest };
}
