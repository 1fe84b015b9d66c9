import { normalName } from '@emr-payments/contracts';
import { clip } from '@emr-payments/runtime';
import type { EmrCode, EmrLists, ResolveOutcome } from '../adapter.ts';

/** Longest list of names in a reason; the rest is counted. */
const LISTED = 20;

/** A name of invisible characters alone is no name. */
function isSame(name: string, wanted: string): boolean {
  const normal = normalName(wanted);
  return normal !== '' && normalName(name) === normal;
}

function listed(names: readonly string[]): string {
  if (names.length === 0) return 'It lists none.';
  const more = names.length > LISTED ? ` and ${names.length - LISTED} more` : '';
  return `It has: ${names
    .slice(0, LISTED)
    .map((name) => clip(name, 60))
    .join(', ')}${more}.`;
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
    const what = method.several ? 'more than one payment method' : 'no payment method';
    const reason = `The EMR has ${what} named '${clip(paymentMethod, 80)}'. ${listed(lists.methods.map(({ name }) => name))}`;
    return { outcome: 'refused', code: 'unknown_payment_method', reason };
  }
  const place = matchFirst(lists.locations, [
    ({ identifiers }) => identifiers.some((each) => isSame(each, location)),
    ({ id }) => id === location.trim(),
    ({ name }) => isSame(name, location),
  ]);
  if (place.found === null) {
    const what = place.several ? 'more than one location' : 'no location';
    const names = lists.locations.map(({ id, name, identifiers }) => `${identifiers[0] ?? id} (${name})`);
    const reason = `The EMR has ${what} '${clip(location, 80)}'. ${listed(names)}`;
    return { outcome: 'refused', code: 'unknown_location', reason };
  }
  return { outcome: 'resolved', method: method.found, location: place.found };
}
