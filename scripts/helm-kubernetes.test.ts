import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { CHART } from './helm-documents.ts';
import { hasHelm, RENDERED_FILES, renderChart } from './helm-render.ts';
import { KINDS, KUBERNETES_SCHEMAS } from './kubernetes-schemas.ts';

/** The objects of the chart against Kubernetes' own schemas: a field that Kubernetes does not know would have no effect there. */

/** Kinds of Prometheus' operator, of KEDA and of the Gateway API, whose schemas are not Kubernetes'. */
const OF_OTHERS = ['HTTPRoute', 'PrometheusRule', 'ScaledObject', 'ServiceMonitor'];

const root = join(import.meta.dirname, '..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

type Manifest = { kind: string; metadata: { name: string } };
const manifestsOf = (text: string): Manifest[] =>
  parseAllDocuments(text, { version: '1.1' })
    .map((document) => document.toJS() as Manifest | null)
    .filter((manifest) => manifest !== null);

// The schemas say `null` beside a type, and formats of Go's numbers, which are no formats of JSON Schema.
const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });
ajv.addSchema(JSON.parse(read(KUBERNETES_SCHEMAS)) as object, 'kubernetes');

/** What is wrong with an object, each as a path and a reason. */
function faultsOf(manifest: Manifest): string[] {
  const definition = KINDS[manifest.kind];
  if (definition === undefined)
    return OF_OTHERS.includes(manifest.kind) ? [] : [`no schema of ${manifest.kind}`];
  const validate = ajv.getSchema(`kubernetes#/$defs/${definition}`);
  if (validate === undefined) return [`${KUBERNETES_SCHEMAS} has no ${definition}`];
  validate(manifest);
  return (validate.errors ?? []).map(
    ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
  );
}

const faultsIn = (text: string) =>
  manifestsOf(text).flatMap((manifest) =>
    faultsOf(manifest).map((fault) => `${manifest.kind} ${manifest.metadata.name}: ${fault}`),
  );

test.each(RENDERED_FILES)('%s is valid', (path) => {
  expect(manifestsOf(read(path)).length).toBeGreaterThan(5);
  expect(faultsIn(read(path))).toEqual([]);
});

// helm-chart.test.ts says it loudly where helm is missing.
test.runIf(hasHelm())('what KEDA and alerts add is valid', () => {
  expect(faultsIn(renderChart(root, `${CHART}/ci/keda-values.yaml`))).toEqual([]);
});

describe('a mistake is found', () => {
  const everything = read('tests/helm/everything.yaml');
  test.each([
    [
      'a misspelt field of a container',
      'readOnlyRootFilesystem:',
      'readOnlyRootFileSystem:',
      /additional properties/,
    ],
    ['a misspelt field of a Deployment', 'replicas:', 'replica:', /additional properties/],
    ['a field in the wrong place', 'podSelector:', 'selector:', /podSelector|additional properties/],
    ['a text for a number', /minReplicas: \d+/, 'minReplicas: two', /must be integer/],
    ['no containers', 'containers:', 'initContainers:', /required property 'containers'/],
  ])('%s', (_what, from, to, fault) => {
    const faults = faultsIn(
      everything.replaceAll(typeof from === 'string' ? from : new RegExp(from, 'g'), to),
    );
    expect(faults.join('\n')).toMatch(fault);
  });
});
