import { type Actor, type Database, findUser } from '@emr-payments/db';
import { recordRead } from '../audit/record-read.ts';
import { type ImportOutcome, importFile } from './import-file.ts';

/**
 * Imports a file of a user's patients (`importFile`). A dry run shows which MRNs and ids are stored, so it is in the audit log first.
 *
 * @param input.open opens the file, when the user is known.
 * @throws PatientsFileError when the file as a whole cannot be read.
 */
export async function importUsersPatients(
  { database }: { database: Database },
  input: {
    publicId: string;
    open: () => Promise<NodeJS.ReadableStream>;
    allowChanges: boolean;
    dryRun: boolean;
    onProgress: (rows: number) => void;
    by: Actor;
  },
): Promise<ImportOutcome | { outcome: 'no_user' }> {
  const { publicId, open, ...options } = input;
  const user = await findUser({ database }, { publicId });
  if (user === null) return { outcome: 'no_user' };
  const stream = await open();
  const { dryRun, by } = options;
  if (dryRun) {
    await recordRead({ database }, { action: 'patients.compare', subject: `patients:${publicId}`, by });
  }
  const { id, connection } = user;
  const owner = {
    ...{ id, publicId },
    connection: connection && { ...connection, version: connection.updatedAt.toISOString() },
  };
  return importFile({ database }, { stream, user: owner, ...options });
}
