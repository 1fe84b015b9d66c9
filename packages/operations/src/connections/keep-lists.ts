import { type Database, isUnavailable, type NameLists, storeNames } from '@emr-payments/db';
import type { createAdapters, EmrLists } from '@emr-payments/emr';

/** Gives an EMR's lists the form in which they are stored. */
export const nameLists = ({ methods, locations, anyMethod, anyLocation }: EmrLists): NameLists => ({
  methods: methods.map(({ id, name, needs }) => ({ id, name, needs: needs ?? null })),
  locations: locations.map(({ id, name, identifiers }) => ({ id, name, identifiers })),
  anyMethod: anyMethod === true,
  anyLocation: anyLocation === true,
});

/**
 * Stores what an EMR lists. What an outage loses is stored the next time, and by the next sync.
 *
 * @param deps.onFault gets an error of ours.
 */
export function keepLists({
  database,
  onFault,
}: {
  database: Pick<Database, 'pool'>;
  onFault: (error: unknown) => void;
}): NonNullable<Parameters<typeof createAdapters>[0]['onLists']> {
  return ({ userId, version }, lists) =>
    storeNames({ database }, { userId, version, lists: nameLists(lists) }).catch((error: unknown) => {
      if (!isUnavailable(error)) onFault(error);
    });
}
