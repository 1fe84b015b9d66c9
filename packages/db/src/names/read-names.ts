import { query, type StatementDeps } from '../core/statements.ts';
import type { StoredLocation, StoredMethod } from './store-names.ts';

/** A stored list. `any`: the EMR has no place for it, and every name is taken. `syncedAt`: null when it was never read. */
export type StoredList<Name> = { any: boolean; syncedAt: Date | null; names: Name[] };

const list = (kind: 'method' | 'location', any: string) => ({
  name: `read-${kind}s`,
  text: `
    SELECT ${any} AS any, l.synced_at AS "syncedAt",
           coalesce((SELECT json_agg(json_build_object('id', n.id, 'name', n.name, 'identifiers', n.identifiers, 'needs', n.needs) ORDER BY n.place)
                       FROM emr_names n WHERE n.user_id = l.user_id AND n.kind = '${kind}'), '[]') AS names
      FROM emr_name_lists l WHERE l.user_id = $1`,
});
const METHODS = list('method', 'l.any_method');
const LOCATIONS = list('location', 'l.any_location');

async function read<Name>(
  deps: StatementDeps,
  statement: typeof METHODS,
  { userId }: { userId: number },
): Promise<StoredList<Name>> {
  const [row] = await query<StoredList<Name>>(deps, statement, [userId]);
  return row ?? { any: false, syncedAt: null, names: [] };
}

/** Reads the payment methods of a user's EMR, as they were read from it last. */
export const readMethods = (deps: StatementDeps, input: { userId: number }) =>
  read<StoredMethod>(deps, METHODS, input);

/** Reads the locations of a user's EMR, as they were read from it last. */
export const readLocations = (deps: StatementDeps, input: { userId: number }) =>
  read<StoredLocation>(deps, LOCATIONS, input);
