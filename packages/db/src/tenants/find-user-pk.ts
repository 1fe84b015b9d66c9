import { query, type StatementDeps } from '../core/statements.ts';

const FIND = { name: 'find-user-pk', text: 'SELECT id FROM users WHERE public_id = $1' };

/** Finds the row of a user by its public id; null when there is none. */
export async function findUserPk(
  deps: StatementDeps,
  { publicId }: { publicId: string },
): Promise<number | null> {
  const [row] = await query<{ id: number }>(deps, FIND, [publicId]);
  return row?.id ?? null;
}
