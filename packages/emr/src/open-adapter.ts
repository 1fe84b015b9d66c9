import type { AdapterFactory, EmrAdapter, EmrConnection } from './adapter.ts';
import { openFhirAdapter } from './dialects/fhir-r5/adapter.ts';

/** Every EMR that we speak to, by the name that a connection gives. */
const FACTORIES: Readonly<Record<string, AdapterFactory>> = {
  fhir: openFhirAdapter,
};

/** The names that a connection may give. */
export const adapterNames: readonly string[] = Object.keys(FACTORIES);

/** @throws Error when there is no such adapter, or base URL, credentials or settings cannot be used. */
export function openAdapter(connection: EmrConnection): EmrAdapter {
  const factory = Object.hasOwn(FACTORIES, connection.adapter) ? FACTORIES[connection.adapter] : undefined;
  if (factory === undefined) {
    throw new Error(
      `there is no adapter '${connection.adapter}'; the adapters are: ${adapterNames.join(', ')}`,
    );
  }
  return factory(connection);
}
