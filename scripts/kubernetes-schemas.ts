import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The objects of Kubernetes that the chart makes. */
export const KINDS: Readonly<Record<string, string>> = {
  Deployment: 'io.k8s.api.apps.v1.Deployment',
  HorizontalPodAutoscaler: 'io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler',
  Ingress: 'io.k8s.api.networking.v1.Ingress',
  Job: 'io.k8s.api.batch.v1.Job',
  NetworkPolicy: 'io.k8s.api.networking.v1.NetworkPolicy',
  Pod: 'io.k8s.api.core.v1.Pod',
  PodDisruptionBudget: 'io.k8s.api.policy.v1.PodDisruptionBudget',
  Service: 'io.k8s.api.core.v1.Service',
  ServiceAccount: 'io.k8s.api.core.v1.ServiceAccount',
};

/** The oldest Kubernetes that the chart runs on: later versions add fields to these objects, and take none away. */
export const KUBERNETES_SCHEMAS = 'tests/helm/kubernetes-1.30.json';

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
type Definitions = { [name: string]: Json };

/** The names that a schema refers to. */
function namesIn(schema: Json): string[] {
  if (Array.isArray(schema)) return schema.flatMap(namesIn);
  if (schema === null || typeof schema !== 'object') return [];
  return Object.entries(schema).flatMap(([key, value]) =>
    key === '$ref' ? [nameOf(String(value))] : namesIn(value),
  );
}

const nameOf = (reference: string): string => reference.split('/').at(-1) ?? '';

/** Leaves out what does not decide whether an object is valid. A property may have the name of such a key. */
function shortened(schema: Json, ofProperties = false): Json {
  if (Array.isArray(schema)) return schema.map((each) => shortened(each));
  if (schema === null || typeof schema !== 'object') return schema;
  return Object.fromEntries(
    Object.entries(schema)
      .filter(([key]) => ofProperties || !(key === 'description' || key.startsWith('x-kubernetes')))
      .map(([key, value]) => [
        key,
        key === '$ref' && !ofProperties
          ? `#/$defs/${nameOf(String(value))}`
          : shortened(value, key === 'properties' && !ofProperties),
      ]),
  );
}

/** Takes the definitions of `KINDS`, and of all that they refer to, out of those of Kubernetes. */
export function schemasOfKinds(all: Definitions): { $defs: Definitions } {
  const needed = new Set<string>(Object.values(KINDS));
  // A set that grows while it is gone through is gone through to its end.
  for (const name of needed) for (const other of namesIn(all[name] ?? null)) needed.add(other);
  return {
    $defs: Object.fromEntries([...needed].sort().map((name) => [name, shortened(all[name] ?? null)])),
  };
}

/**
 * `node scripts/kubernetes-schemas.ts FILE`: writes the kept schemas. FILE is `v1.30.0-local-strict/_definitions.json` of the package
 * kubernetes-validate (PyPI), which makes it from the OpenAPI document of Kubernetes and lets no object have unknown fields.
 */
if (import.meta.main) {
  const { $defs } = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as { $defs: Definitions };
  writeFileSync(
    join(import.meta.dirname, '..', KUBERNETES_SCHEMAS),
    `${JSON.stringify(schemasOfKinds($defs))}\n`,
  );
}
