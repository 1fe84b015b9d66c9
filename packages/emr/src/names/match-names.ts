import { normalName, sentence } from '@emr-payments/contracts';
import type { EmrCode, EmrLists, ResolveOutcome } from '../adapter.ts';
import { nameShown, namesListed } from './names-in-sentences.ts';

/** A name of invisible characters alone is no name. */
function isSame(name: string, wanted: string): boolean {
  const normal = normalName(wanted);
  return normal !== '' && normalName(name) === normal;
}

type Match = { found: EmrCode } | { found: null; several: boolean };

/** Applies the tests in order. The first one that an entry passes decides; if several entries pass it, none is chosen. */
function matchFirst<T extends EmrCode>(all: readonly T[], tests: ((each: T) => boolean)[]): Match {
  for (const test of tests) {
    const [first, ...others] = all.filter(test);
    if (first !== undefined) {
      return others.length === 0
        ? { found: { id: first.id, name: first.name } }
        : { found: null, several: true };
    }
  }
  return { found: null, several: false };
}

/** Finds a payment's method and location in the practice's lists. */
export function matchNames(
  lists: EmrLists,
  { paymentMethod, location }: { paymentMethod: string; location: string },
): Exclude<ResolveOutcome, { outcome: 'not_sent' }> {
  const method = matchFirst(lists.methods, [({ name }) => isSame(name, paymentMethod)]);
  if (method.found === null) {
    const what = method.several ? sentence`more than one payment method` : sentence`no payment method`;
    const names = namesListed(lists.methods.map(({ name }) => name));
    const reason = sentence`The EMR has ${what} named '${nameShown(paymentMethod, 80)}'. ${names}`;
    return { outcome: 'refused', code: 'unknown_payment_method', reason };
  }
  const place = matchFirst(lists.locations, [
    ({ identifiers }) => identifiers.some((each) => isSame(each, location)),
    ({ id }) => id === location.trim(),
    ({ name }) => isSame(name, location),
  ]);
  if (place.found === null) {
    const what = place.several ? sentence`more than one location` : sentence`no location`;
    const names = lists.locations.map(({ id, name, identifiers }) => `${identifiers[0] ?? id} (${name})`);
    const reason = sentence`The EMR has ${what} '${nameShown(location, 80)}'. ${namesListed(names)}`;
    return { outcome: 'refused', code: 'unknown_location', reason };
  }
  return { outcome: 'resolved', method: method.found, location: place.found };
}
