import { named } from '../core/named.ts';
import { query, type StatementDeps } from '../core/statements.ts';

/** A payment method of the EMR. `needs`: data that it demands and nothing supplies. */
export type StoredMethod = { id: string; name: string; needs: string | null };
export type StoredLocation = { id: string; name: string; identifiers: readonly string[] };

export type NameLists = {
  methods: readonly StoredMethod[];
  locations: readonly StoredLocation[];
  /** The EMR has no place for it: every name is taken. */
  anyMethod: boolean;
  anyLocation: boolean;
};

/** Written only where something has changed, apart from the time. Two that write at once do so one after the other. */
const STORE = named({
  name: 'store-names',
  values: ['userId', 'version', 'names', 'anyMethod', 'anyLocation'],
  text: `
    WITH list AS (
      INSERT INTO emr_name_lists AS l (user_id, any_method, any_location)
      SELECT user_id, :anyMethod, :anyLocation FROM connections WHERE user_id = :userId AND updated_at = :version::timestamptz
      ON CONFLICT (user_id) DO UPDATE SET any_method = excluded.any_method, any_location = excluded.any_location, synced_at = now()
      RETURNING user_id
    ), given AS MATERIALIZED (
      SELECT list.user_id, n.kind, n.place, n.id, n.name, n.identifiers, n.needs
        FROM list, jsonb_to_recordset(:names::jsonb) AS n (kind emr_name_kind, place int, id text, name text, identifiers text[], needs text)
    ), gone AS (
      DELETE FROM emr_names o USING list
       WHERE o.user_id = list.user_id AND NOT EXISTS (SELECT FROM given n WHERE n.kind = o.kind AND n.place = o.place)
    ), written AS (
      INSERT INTO emr_names AS o (user_id, kind, place, id, name, identifiers, needs)
      SELECT user_id, kind, place, id, name, identifiers, needs FROM given
      ON CONFLICT (user_id, kind, place) DO UPDATE SET id = excluded.id, name = excluded.name, identifiers = excluded.identifiers, needs = excluded.needs
       WHERE (o.id, o.name, o.identifiers, o.needs) IS DISTINCT FROM (excluded.id, excluded.name, excluded.identifiers, excluded.needs)
      RETURNING 1
    )
    SELECT (SELECT count(*)::int FROM list) AS stored, (SELECT count(*)::int FROM written) AS changed`,
});

/**
 * Stores what the EMR of a user lists, in place of what was stored.
 *
 * @param input.version of the connection over which it was read: nothing is stored when that has been changed since.
 * @returns false then.
 */
export async function storeNames(
  deps: StatementDeps,
  { userId, version, lists }: { userId: number; version: string; lists: NameLists },
): Promise<boolean> {
  const { methods, locations, anyMethod, anyLocation } = lists;
  const names = [
    ...methods.map(({ id, name, needs }, place) => ({
      kind: 'method',
      place,
      id,
      name,
      identifiers: [],
      needs,
    })),
    ...locations.map(({ id, name, identifiers }, place) => ({
      ...{ kind: 'location', place, id, name, identifiers, needs: null },
    })),
  ];
  const values = STORE.values({ userId, version, names: JSON.stringify(names), anyMethod, anyLocation });
  const [row] = await query<{ stored: number }>(deps, STORE, values);
  return row?.stored === 1;
}
