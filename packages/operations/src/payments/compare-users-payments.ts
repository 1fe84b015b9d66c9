import { type Actor, type Database, findUser } from '@emr-payments/db';
import { recordRead } from '../audit/record-read.ts';
import { type Comparison, compareFile } from './compare-file.ts';

export type CompareOutcome = { outcome: 'no_user' } | { outcome: 'compared'; comparison: Comparison };

/**
 * Compares the EMR's entries with the payments of a user, as after the restore of a backup. Who compares is in the audit log first.
 *
 * @param input.open opens the file, when the user is known.
 * @throws PaymentsFileError when the file as a whole cannot be read.
 */
export async function compareUsersPayments(
  { database }: { database: Database },
  { publicId, open, by }: { publicId: string; open: () => Promise<NodeJS.ReadableStream>; by: Actor },
): Promise<CompareOutcome> {
  const user = await findUser({ database }, { publicId });
  if (user === null) return { outcome: 'no_user' };
  const stream = await open();
  await recordRead({ database }, { action: 'payment.compare', subject: `user:${publicId}`, by });
  return {
    outcome: 'compared',
    comparison: await compareFile({ database }, { stream, userId: user.id }),
  };
}
