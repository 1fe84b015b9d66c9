import { normalName, type OurSentence, sentence } from '@emr-payments/contracts';
import { Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import type { CallOptions } from '../../calls.ts';
import type { EmrCode, EmrLocation, EmrMethod } from '../../lists.ts';
import { isUsableId } from '../../usable-id.ts';
import { type Failed, LEDGER, readRows, refuseError } from './read.ts';
import type { NexConnection } from './settings.ts';

const TypeSchema = Type.Object({
  // It is sent as a JSON number, so one of 16 digits or more, which comes as text, cannot be used.
  id: Type.Union([
    Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
    Type.String({ pattern: '^[1-9]\\d{0,14}$' }),
  ]),
  name: Type.String({ pattern: '\\S' }),
  active: Type.Optional(Type.Boolean()),
});

/** The payment types of one location. */
export type TypesAt = { location: EmrCode; types: readonly EmrCode[]; unusable: readonly string[] };

/** Reads the payment types of a location: each location may run a health record system of its own. */
export async function readTypes(
  nex: NexConnection,
  location: EmrLocation,
  options: CallOptions,
): Promise<({ ok: true } & TypesAt) | Failed> {
  const query = { subdomain: nex.settings.subdomain, location_id: location.id, per_page: 1000 };
  const read = refuseError(
    await readRows(nex, { path: '/payment_types', query, headers: LEDGER }, options),
    'GET /payment_types',
  );
  if (!read.ok) return read;
  const types = new Map<string, EmrCode>();
  const unusable: string[] = [];
  for (const [place, row] of read.rows.entries()) {
    if (!Value.Check(TypeSchema, row)) unusable.push(`Payment types: entry ${place + 1} cannot be read`);
    else if (row.active === false) unusable.push(`Payment types: '${row.name}' (${row.id}) is inactive`);
    else types.set(String(row.id), { id: String(row.id), name: row.name });
  }
  return { ok: true, location, types: [...types.values()], unusable };
}

const pair = (location: EmrCode, type: EmrCode) => `${location.id}:${type.id}`;

/**
 * Makes one list of methods of all locations' payment types, by their names. The id of a method is that of the payment type where it
 * is the same everywhere, and otherwise names it for each location: `12:501,13:777`.
 */
export function methodsOf(places: readonly TypesAt[]): { methods: EmrMethod[]; unusable: string[] } {
  const named = new Map<string, { location: EmrCode; type: EmrCode }[]>();
  for (const { location, types } of places) {
    for (const type of types) {
      const key = normalName(type.name);
      named.set(key, [...(named.get(key) ?? []), { location, type }]);
    }
  }
  const methods: EmrMethod[] = [];
  const unusable: string[] = [];
  for (const found of named.values()) {
    const [first] = found as [(typeof found)[0]];
    const { name } = first.type;
    if (new Set(found.map(({ location }) => location.id)).size < found.length) {
      // Two of one name at one location: both are listed, so that the name is refused as ambiguous.
      methods.push(...found.map(({ location, type }) => ({ id: pair(location, type), name: type.name })));
      continue;
    }
    const same = found.every(({ type }) => type.id === first.type.id);
    const everywhere = found.length === places.length;
    const id =
      same && everywhere ? first.type.id : found.map(({ location, type }) => pair(location, type)).join(',');
    if (isUsableId(id)) methods.push({ id, name });
    else unusable.push(`Payment types: '${name}' has different ids at too many locations`);
    for (const { location } of places.filter(
      (place) => !found.some((each) => each.location.id === place.location.id),
    ))
      unusable.push(`Payment types: '${name}' is not at the location '${location.name}' (${location.id})`);
  }
  return { methods, unusable };
}

/** @returns the payment type of a method at a location; null when the location has none of that name. */
export function typeIdAt(methodId: string, locationId: string): string | null {
  if (!methodId.includes(':')) return methodId;
  const found = methodId.split(',').find((each) => each.startsWith(`${locationId}:`));
  return found === undefined ? null : found.slice(locationId.length + 1);
}

export const NO_TYPE_HERE = sentence`The EMR has no such payment type at this location. Choose one that the location has.`;

/** Says why a method cannot be used at a location; null when it can. A location may lack a type that others have. */
export const typeProblem = ({
  method,
  location,
}: {
  method: EmrCode;
  location: EmrCode;
}): OurSentence | null => (typeIdAt(method.id, location.id) === null ? NO_TYPE_HERE : null);
