import { FAILURE_CODES, normalName, sentence } from '@emr-payments/contracts';
import type { EmrCode, EmrLists, EmrMethod, ResolveOutcome } from '../lists.ts';
import { nameShown, namesListed } from './names-in-sentences.ts';

/** A name of invisible characters alone is no name. */
function isSame(name: string, wanted: string): boolean {
  const normal = normalName(wanted);
  return normal !== '' && normalName(name) === normal;
}

type Match<T> = { found: T } | { found: null; several: boolean };

/** Applies the tests in order. The first one that an entry passes decides; if several entries pass it, none is chosen. */
function matchFirst<T extends EmrCode>(all: readonly T[], tests: ((each: T) => boolean)[]): Match<T> {
  for (const test of tests) {
    const [first, ...others] = all.filter(test);
    if (first !== undefined) {
      return others.length === 0 ? { found: first } : { found: null, several: true };
    }
  }
  return { found: null, several: false };
}

const codeOf = ({ id, name }: EmrCode): EmrCode => ({ id, name });

/** Finds a payment's method and location in the practice's lists. */
export function matchNames(
  lists: EmrLists,
  { paymentMethod, location }: { paymentMethod: string; location: string },
): Exclude<ResolveOutcome, { outcome: 'not_sent' }> {
  const method = lists.anyMethod
    ? { found: { id: '', name: paymentMethod } satisfies EmrMethod as EmrMethod }
    : matchFirst(lists.methods, [({ name }) => isSame(name, paymentMethod)]);
  if (method.found === null) {
    const what = method.several ? sentence`more than one payment method` : sentence`no payment method`;
    const names = namesListed(lists.methods.map(({ name }) => name));
    const reason = sentence`The EMR has ${what} named '${nameShown(paymentMethod, 80)}'. ${names}`;
    return { outcome: 'refused', code: 'unknown_payment_method', reason };
  }
  const place = lists.anyLocation
    ? { found: { id: '', name: location } }
    : matchFirst(lists.locations, [
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
  const { needs } = method.found;
  if (needs !== undefined) {
    const shown = nameShown(method.found.name, 80);
    const reason = sentence`${FAILURE_CODES.method_needs_data.says} For '${shown}' it needs ${nameShown(needs, 120)}.`;
    return { outcome: 'refused', code: 'method_needs_data', reason };
  }
  return { outcome: 'resolved', method: codeOf(method.found), location: codeOf(place.found) };
}
