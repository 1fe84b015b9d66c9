import { sentence } from '@emr-payments/contracts';
import type { CallOptions } from '../../calls.ts';
import type { EmrLists } from '../../lists.ts';
import type { Trouble } from '../../trouble.ts';
import { readLocations } from './locations.ts';
import { methodsOf, readTypes, type TypesAt } from './payment-types.ts';
import type { Failed } from './read.ts';
import type { NexConnection } from './settings.ts';

export type ReadLists = { ok: true; lists: EmrLists; all: readonly string[]; unusable: readonly string[] };

/** Reads the practice's locations, and the payment types at each. `unusable` names the entries that no payment can use. */
export async function readLists(nex: NexConnection, options: CallOptions): Promise<ReadLists | Failed> {
  const locations = await readLocations(nex, options);
  if (!locations.ok) return locations;
  const read = await Promise.all(locations.usable.map((location) => readTypes(nex, location, options)));
  const places: TypesAt[] = [];
  for (const each of read) {
    if (!each.ok) return each;
    places.push(each);
  }
  const { methods, unusable } = methodsOf(places);
  return {
    ok: true,
    lists: { methods, locations: locations.usable },
    all: locations.all,
    unusable: [...locations.unusable, ...places.flatMap((place) => place.unusable), ...unusable],
  };
}

/**
 * Reads the lists for payments. An empty list is trouble and fails no payment: an API key whose rights were taken away gets 200 with
 * nothing in it, and the check has seen lists that were not empty.
 */
export async function fetchLists(nex: NexConnection, options: CallOptions): Promise<EmrLists | Trouble> {
  const read = await readLists(nex, options);
  if (!read.ok) return read.trouble;
  const { methods, locations } = read.lists;
  if (methods.length > 0 && locations.length > 0) return read.lists;
  const what = locations.length === 0 ? sentence`location` : sentence`payment method`;
  return { code: 'list_not_found', detail: sentence`The EMR lists no ${what}.` };
}
