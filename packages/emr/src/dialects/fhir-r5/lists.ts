import { sentence } from '@emr-payments/contracts';
import type { CallOptions, EmrCode, EmrLists, EmrLocation, Trouble } from '../../adapter.ts';
import { type Failed, readAll, readResource, type SearchResult } from './read.ts';
import { CodeSystemSchema, ExpansionSchema, LocationSchema, ValueSetSchema } from './resources.ts';
import type { FhirConnection } from './settings.ts';

type Concept = { code: string; display?: string };

/** The `id` of a method is the FHIR token `system|code`. */
const method = (system: string | undefined, { code, display }: Concept): EmrCode => ({
  id: `${system ?? ''}|${code}`,
  name: display ?? code,
});

/** A list, and the entries of the EMR's answer that are not in it because they cannot be read. */
type Listed<T> = { ok: true; value: T[]; unusable: string[] };

/** Trouble when the EMR says that a list is not whole: a name that is missing from it may exist. */
function wholeList<T>(result: SearchResult<T>): SearchResult<T> {
  if (!result.ok || (result.facts.complete && !result.facts.errorSaid)) return result;
  const detail = sentence`The EMR says that its list is incomplete.`;
  return { ok: false, status: null, trouble: { code: 'answer_incomplete', detail } };
}

const named = (list: string, { unusable }: { unusable: readonly string[] }): string[] =>
  unusable.map((entry) => `${list}: ${entry}`);

/** For servers that cannot expand: reads the ValueSet itself and the CodeSystems that it includes. */
async function composeMethods(
  connection: FhirConnection,
  signal: AbortSignal,
): Promise<Listed<EmrCode> | Failed> {
  const byUrl = (type: string, url: string) => `${type}?${new URLSearchParams({ url })}`;
  const path = byUrl('ValueSet', connection.settings.payment_method_value_set);
  const valueSets = wholeList(await readAll(connection, { path, schema: ValueSetSchema, signal }));
  if (!valueSets.ok) return valueSets;
  const unusable = named('ValueSets', valueSets.facts);
  const methods: EmrCode[] = [];
  for (const { system, concept } of valueSets.value[0]?.compose.include ?? []) {
    if (concept !== undefined) methods.push(...concept.map((each) => method(system, each)));
    else if (system !== undefined) {
      const systemPath = byUrl('CodeSystem', system);
      const codeSystems = wholeList(
        await readAll(connection, { path: systemPath, schema: CodeSystemSchema, signal }),
      );
      if (!codeSystems.ok) return codeSystems;
      unusable.push(...named('CodeSystems', codeSystems.facts));
      methods.push(...(codeSystems.value[0]?.concept ?? []).map((each) => method(system, each)));
    }
  }
  return { ok: true, value: methods, unusable };
}

async function readMethods(
  connection: FhirConnection,
  signal: AbortSignal,
): Promise<Listed<EmrCode> | Failed> {
  const query = new URLSearchParams({ url: connection.settings.payment_method_value_set });
  const path = `ValueSet/$expand?${query}`;
  const expanded = await readResource(connection, { path, schema: ExpansionSchema, signal });
  if (expanded.ok) {
    const { contains = [] } = expanded.value.expansion;
    return { ok: true, value: contains.map((each) => method(each.system, each)), unusable: [] };
  }
  const cannotExpand = [400, 404, 405, 422, 501].includes(expanded.status ?? 0);
  return cannotExpand ? composeMethods(connection, signal) : expanded;
}

async function readLocations(
  connection: FhirConnection,
  signal: AbortSignal,
): Promise<Listed<EmrLocation> | Failed> {
  const path = 'Location?_count=200';
  const result = wholeList(await readAll(connection, { path, schema: LocationSchema, signal }));
  if (!result.ok) return result;
  const open = result.value.filter(({ status }) => status === undefined || status === 'active');
  return {
    ok: true,
    value: open.map(({ id, name, identifier = [] }) => ({
      id,
      name: name ?? id,
      identifiers: identifier.flatMap(({ value }) => value ?? []),
    })),
    unusable: named('Locations', result.facts),
  };
}

/**
 * Reads the practice's payment methods and locations from the EMR. `unusable` names the entries of the EMR's answers that
 * cannot be read.
 */
export async function fetchLists(
  connection: FhirConnection,
  { signal }: CallOptions,
): Promise<(EmrLists & { unusable: readonly string[] }) | Trouble> {
  const [methods, locations] = await Promise.all([
    readMethods(connection, signal),
    readLocations(connection, signal),
  ]);
  if (!methods.ok) return methods.trouble;
  if (!locations.ok) return locations.trouble;
  const unusable = [...methods.unusable, ...locations.unusable];
  return { methods: methods.value, locations: locations.value, unusable };
}
