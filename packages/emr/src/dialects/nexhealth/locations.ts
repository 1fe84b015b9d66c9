import { Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import type { CallOptions } from '../../calls.ts';
import type { EmrLocation } from '../../lists.ts';
import { type Failed, PLATFORM, readRows, refuseError } from './read.ts';
import type { NexConnection } from './settings.ts';

const IdSchema = Type.Union([Type.Integer({ minimum: 1 }), Type.String({ pattern: '^[1-9]\\d*$' })]);
const InstitutionSchema = Type.Object({
  subdomain: Type.String(),
  locations: Type.Array(Type.Unknown()),
});
const LocationSchema = Type.Object({
  id: IdSchema,
  name: Type.Optional(Type.String()),
  foreign_id: Type.Optional(Type.String()),
  inactive: Type.Optional(Type.Boolean()),
});

/**
 * `all`: the ids of every location of the practice, also of those that no payment may name. `whole`: false when there may be more of them,
 * so that what is at none of these may be at another.
 */
export type Locations = {
  ok: true;
  usable: readonly EmrLocation[];
  all: readonly string[];
  whole: boolean;
  unusable: readonly string[];
};

/**
 * Reads the locations of the practice (`GET /locations`: institutions with their locations). Institutions of another subdomain, which
 * the same API key may see, are passed over whatever the filter did. With the setting `location_id` only that location is usable.
 */
export async function readLocations(nex: NexConnection, options: CallOptions): Promise<Locations | Failed> {
  const { subdomain, location_id: only } = nex.settings;
  const read = refuseError(
    await readRows(nex, { path: '/locations', query: { subdomain }, headers: PLATFORM }, options),
    'GET /locations',
  );
  if (!read.ok) return read;
  let whole = !read.servedFromCache;
  const unusable: string[] = [];
  const usable: EmrLocation[] = [];
  const all: string[] = [];
  const institutions = read.rows.filter((row) => Value.Check(InstitutionSchema, row));
  if (institutions.length < read.rows.length) {
    whole = false;
    unusable.push(`Locations: ${read.rows.length - institutions.length} institutions that cannot be read`);
  }
  for (const [place, row] of institutions
    .filter((each) => each.subdomain.toLowerCase() === subdomain.toLowerCase())
    .flatMap(({ locations }) => locations)
    .entries()) {
    if (!Value.Check(LocationSchema, row)) {
      whole = false;
      unusable.push(`Locations: entry ${place + 1} cannot be read`);
      continue;
    }
    const id = String(row.id);
    if (all.includes(id)) continue;
    all.push(id);
    const name = row.name?.trim() || id;
    const { foreign_id: foreign } = row;
    if (row.inactive === true) unusable.push(`Locations: '${name}' (${id}) is inactive`);
    else if (only === undefined || String(only) === id)
      usable.push({ id, name, identifiers: foreign === undefined || foreign === id ? [id] : [id, foreign] });
  }
  // The vendor does not say which of both are counted.
  whole &&= (read.counted ?? 0) <= Math.max(read.rows.length, all.length);
  return { ok: true, usable, all, whole, unusable };
}

/** Locations, and whether they are all that the practice has. */
export type Places = { ok: true; locationIds: readonly string[]; whole: boolean };

/** Lists the locations at any of which something of the practice may be. When they are not all, what is at none of them may be elsewhere. */
export async function everyLocation(nex: NexConnection, options: CallOptions): Promise<Places | Failed> {
  const { location_id: only } = nex.settings;
  if (only !== undefined) return { ok: true, locationIds: [String(only)], whole: true };
  const locations = await readLocations(nex, options);
  if (!locations.ok) return locations;
  return { ok: true, locationIds: locations.all, whole: locations.whole && locations.all.length > 0 };
}
