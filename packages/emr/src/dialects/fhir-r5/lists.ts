import type { CallOptions, EmrCode, EmrLists, EmrLocation, Trouble } from '../../adapter.ts';
import { type ReadResult, readAll, readResource } from './read.ts';
import { CodeSystemSchema, ExpansionSchema, LocationSchema, ValueSetSchema } from './resources.ts';
import type { FhirConnection } from './settings.ts';

type Concept = { code: string; display?: string };

/** The `id` of a method is the FHIR token `system|code`. */
const method = (system: string | undefined, { code, display }: Concept): EmrCode => ({
  id: `${system ?? ''}|${code}`,
  name: display ?? code,
});

/** For servers that cannot expand: reads the ValueSet itself and the CodeSystems that it includes. */
async function composeMethods(
  connection: FhirConnection,
  signal: AbortSignal,
): Promise<ReadResult<EmrCode[]>> {
  const byUrl = (type: string, url: string) => `${type}?${new URLSearchParams({ url })}`;
  const path = byUrl('ValueSet', connection.settings.payment_method_value_set);
  const valueSets = await readAll(connection, { path, schema: ValueSetSchema, signal });
  if (!valueSets.ok) return valueSets;
  const methods: EmrCode[] = [];
  for (const { system, concept } of valueSets.value[0]?.compose.include ?? []) {
    if (concept !== undefined) methods.push(...concept.map((each) => method(system, each)));
    else if (system !== undefined) {
      const codeSystems = await readAll(connection, {
        path: byUrl('CodeSystem', system),
        schema: CodeSystemSchema,
        signal,
      });
      if (!codeSystems.ok) return codeSystems;
      methods.push(...(codeSystems.value[0]?.concept ?? []).map((each) => method(system, each)));
    }
  }
  return { ok: true, value: methods };
}

async function readMethods(connection: FhirConnection, signal: AbortSignal): Promise<ReadResult<EmrCode[]>> {
  const query = new URLSearchParams({ url: connection.settings.payment_method_value_set });
  const path = `ValueSet/$expand?${query}`;
  const expanded = await readResource(connection, { path, schema: ExpansionSchema, signal });
  if (expanded.ok) {
    const { contains = [] } = expanded.value.expansion;
    return { ok: true, value: contains.map((each) => method(each.system, each)) };
  }
  const cannotExpand = [400, 404, 405, 422, 501].includes(expanded.status ?? 0);
  return cannotExpand ? composeMethods(connection, signal) : expanded;
}

async function readLocations(
  connection: FhirConnection,
  signal: AbortSignal,
): Promise<ReadResult<EmrLocation[]>> {
  const result = await readAll(connection, { path: 'Location?_count=200', schema: LocationSchema, signal });
  if (!result.ok) return result;
  const open = result.value.filter(({ status }) => status === undefined || status === 'active');
  return {
    ok: true,
    value: open.map(({ id, name, identifier = [] }) => ({
      id,
      name: name ?? id,
      identifiers: identifier.flatMap(({ value }) => value ?? []),
    })),
  };
}

/** Reads the practice's payment methods and locations from the EMR. */
export async function fetchLists(
  connection: FhirConnection,
  { signal }: CallOptions,
): Promise<EmrLists | Trouble> {
  const [methods, locations] = await Promise.all([
    readMethods(connection, signal),
    readLocations(connection, signal),
  ]);
  if (!methods.ok) return methods.trouble;
  if (!locations.ok) return locations.trouble;
  return { methods: methods.value, locations: locations.value };
}
