import { sentence } from '@emr-payments/contracts';
import type { CallOptions } from '../calls.ts';
import type { EmrCode, EmrLists, EmrLocation } from '../lists.ts';
import type { Trouble } from '../trouble.ts';
import { composeValueSet } from './compose.ts';
import type { FhirConnection } from './connection.ts';
import { openDefinitions } from './definitions.ts';
import { expandMethods } from './expand.ts';
import { type Listed, uniqueById } from './methods.ts';
import type { Failed } from './read.ts';
import { readList } from './read-all.ts';
import { LocationSchema } from './resources.ts';

/**
 * Statuses by which a server says that it cannot expand. 500 is among them: servers give it for a ValueSet that they cannot
 * expand. 502, 503 and 504 are outages, after which the list is read again. HAPI gives the first page of an expansion and answers
 * 400 to the second, for a ValueSet that excludes codes: so any page may say it.
 */
const CANNOT_EXPAND = [400, 404, 405, 422, 500, 501];

const namedIn = (list: string, { unusable }: { unusable: readonly string[] }): string[] =>
  unusable.map((entry) => `${list}: ${entry}`);

async function readMethods(
  connection: FhirConnection,
  signal: AbortSignal,
): Promise<({ ok: true } & Listed<EmrCode>) | Failed> {
  const { methods } = connection;
  if ('names' in methods)
    return { ok: true, value: methods.names.map((name) => ({ id: name, name })), unusable: [] };
  const list = { valueSet: methods.valueSet, signal };
  const expanded = await expandMethods(connection, list);
  if (expanded.ok) return expanded;
  if (!CANNOT_EXPAND.includes(expanded.refusal.status ?? 0)) return expanded;
  const composed = await composeValueSet(
    { definitions: openDefinitions(connection, list) },
    { canonical: methods.valueSet },
  );
  // A 500 may be an outage too: without a definition to fall back on, it says more than the second failure.
  return composed.ok || expanded.refusal.status !== 500 ? composed : expanded;
}

/** @returns why no payment can be posted to the Location; null when one can. */
function unusableBecause({ status = 'active', mode }: { status?: string; mode?: string }): string | null {
  if (mode === 'kind') return 'is a kind of locations and not one of them';
  return status === 'active' ? null : `is ${/^[a-z-]{1,30}$/.test(status) ? status : 'of an unknown status'}`;
}

async function readLocations(
  connection: FhirConnection,
  signal: AbortSignal,
): Promise<({ ok: true } & Listed<EmrLocation>) | Failed> {
  if (!connection.locations) return { ok: true, value: [], unusable: [] };
  const path = 'Location?_count=200';
  const result = await readList(connection, { path, schema: LocationSchema, signal, named: 'Locations' });
  if (!result.ok) return result;
  const unusable = [...result.unusable];
  const value: EmrLocation[] = [];
  for (const location of result.value) {
    const { id, name = '', identifier = [] } = location;
    const named = name.trim() === '' ? id : name;
    const why = unusableBecause(location);
    if (why !== null) unusable.push(`Locations: '${named}' (${id}) ${why}`);
    else value.push({ id, name: named, identifiers: identifier.flatMap((each) => each.value ?? []) });
  }
  const unique = uniqueById({ value, unusable: [] });
  return { ok: true, value: unique.value, unusable: [...unusable, ...namedIn('Locations', unique)] };
}

export type ReadLists = { ok: true; lists: EmrLists; unusable: readonly string[] };

/**
 * Reads the practice's payment methods and locations from the EMR. `unusable` names the entries of the EMR's answers that
 * cannot be used by a payment.
 */
export async function readLists(
  connection: FhirConnection,
  { signal }: CallOptions,
): Promise<ReadLists | Failed> {
  const [methods, locations] = await Promise.all([
    readMethods(connection, signal),
    readLocations(connection, signal),
  ]);
  if (!methods.ok) return methods;
  if (!locations.ok) return locations;
  const unique = uniqueById(methods);
  return {
    ok: true,
    lists: {
      methods: unique.value,
      locations: locations.value,
      ...(connection.locations ? {} : { anyLocation: true }),
    },
    unusable: [...namedIn('Payment methods', unique), ...locations.unusable],
  };
}

/**
 * Reads the lists for payments: trouble has none of the server's own words. An empty list is trouble too, and fails no payment: a
 * server that takes a right of ours away answers 200 with nothing in it, and the check has seen lists that were not empty.
 */
export async function fetchLists(
  connection: FhirConnection,
  options: CallOptions,
): Promise<EmrLists | Trouble> {
  const read = await readLists(connection, options);
  if (!read.ok) return read.trouble;
  const { methods, locations, anyLocation = false } = read.lists;
  if (methods.length > 0 && (anyLocation || locations.length > 0)) return read.lists;
  const what = methods.length === 0 ? sentence`payment method` : sentence`location`;
  return { code: 'list_not_found', detail: sentence`The EMR lists no ${what}.` };
}
