import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { CHART, helmDocuments } from './helm-documents.ts';
import { hasHelm, headOf, helm, RENDERED_FILES, renderChart, renderedManifests } from './helm-render.ts';

const NO_HELM = `
  ############################################################################
  #  NO HELM: the chart was not rendered again. The manifests of tests/helm, #
  #  which were made from this very chart, were checked.                     #
  ############################################################################
`;
if (!hasHelm()) process.stderr.write(NO_HELM);

const root = join(import.meta.dirname, '..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

type Container = {
  image: string;
  command: string[];
  env: { name: string; value: string }[];
  ports?: { name: string }[];
  securityContext: unknown;
  volumeMounts: { name: string; mountPath: string }[];
};
type PodSpec = {
  automountServiceAccountToken: boolean;
  terminationGracePeriodSeconds?: number;
  securityContext: unknown;
  containers: [Container];
  volumes: { name: string; secret?: { secretName: string; items: { path: string }[] } }[];
};
type Labels = Record<string, string>;
type Manifest = {
  kind: string;
  metadata: { name: string; labels: Labels };
  // The parts of a spec that are read here; which of them there are depends on the kind.
  spec: {
    template: { metadata: { labels: Labels }; spec: PodSpec };
    selector: Labels & { matchLabels: Labels };
    podSelector: { matchLabels: Labels };
  };
};

const manifestsOf = (text: string): Manifest[] =>
  parseAllDocuments(text, { version: '1.1' }).map((document) => document.toJS() as Manifest);

/** Every pod of the chart, also those of Deployments and Jobs, with its labels. */
const podsOf = (manifests: readonly Manifest[]): { name: string; labels: Labels; spec: PodSpec }[] =>
  manifests
    .filter(({ kind }) => ['Deployment', 'Job', 'Pod'].includes(kind))
    .map(({ kind, metadata, spec }) => ({
      name: metadata.labels['app.kubernetes.io/component'] ?? '',
      labels: kind === 'Pod' ? metadata.labels : spec.template.metadata.labels,
      spec: kind === 'Pod' ? (spec as unknown as PodSpec) : spec.template.spec,
    }));

test('the parts that are made from others are up to date; `pnpm helm-documents` writes them', () => {
  for (const [path, text] of Object.entries(helmDocuments(root))) expect(read(path), path).toBe(text);
});

test('the chart has the version of package.json', () => {
  const { version } = JSON.parse(read('package.json')) as { version: string };
  expect(parse(read(`${CHART}/Chart.yaml`))).toMatchObject({ version, appVersion: version });
});

describe.each(RENDERED_FILES)('%s', (path) => {
  const manifests = manifestsOf(read(path));
  const pods = podsOf(manifests);

  test('is of this chart: if not, run `pnpm helm-documents` with helm on the PATH', () => {
    expect(read(path).split('\n')[0]).toBe(headOf(root));
  });

  test.each(pods)('$name runs as the image’s account, writes only to /tmp, and gets no token', ({ spec }) => {
    const uid = [...read('Dockerfile').matchAll(/^USER (\S+)$/gm)].at(-1)?.[1];
    expect(spec.automountServiceAccountToken).toBe(false);
    expect(spec.securityContext).toEqual({
      runAsNonRoot: true,
      runAsUser: Number(uid),
      runAsGroup: Number(uid),
      fsGroup: Number(uid),
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(spec.containers).toHaveLength(1);
    expect(spec.containers[0].securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
  });

  test.each(pods)('$name gets secrets as files, and starts a file of the image', ({ name, spec }) => {
    const [{ command, env, volumeMounts }] = spec.containers;
    const secret = spec.volumes.find((volume) => volume.name === 'secrets')?.secret;
    expect(secret?.secretName).toMatch(name === 'migrate' ? /-owner$/ : /^(?!.*-owner$)/);
    const mount = volumeMounts.find((one) => one.name === 'secrets')?.mountPath;
    const files = env.filter((variable) => variable.name.endsWith('_FILE'));
    expect(files).toEqual(
      secret?.items.map((item) => ({ name: `${item.path}_FILE`, value: `${mount}/${item.path}` })),
    );
    for (const variable of ['DATABASE_URL', 'REDIS_URL', 'ENCRYPTION_KEYS', 'METRICS_TOKEN', 'APP_PASSWORD'])
      expect(env.map((one) => one.name)).not.toContain(variable);
    if (name !== 'cli') expect(existsSync(join(root, command[1] ?? ''))).toBe(true);
  });

  test('a pod has the time that its process may take to stop', () => {
    const graceOf = (name: string, ...terms: (string | number)[]) => {
      const spec = pods.find((pod) => pod.name === name)?.spec;
      const env = new Map(spec?.containers[0].env.map((one) => [one.name, Number(one.value)]));
      const ms = terms.map((term) => (typeof term === 'number' ? term : (env.get(term) ?? Number.NaN)));
      return {
        given: spec?.terminationGracePeriodSeconds ?? 0,
        needed: ms.reduce((sum, one) => sum + one) / 1000,
      };
    };
    // What the processes give to `runProcess`: CLOSE_MS of the API, GRACE_MS of the worker.
    for (const { given, needed } of [
      graceOf('api', 'DRAIN_MS', 'STOP_GRACE_MS', 2_000),
      graceOf('worker', 'DRAIN_MS', 12_000),
    ]) {
      expect(given).toBeGreaterThanOrEqual(needed + 5);
      expect(given).toBeLessThan(needed + 10);
    }
  });

  test('every selector finds pods, and every pod has a network policy if there are any', () => {
    const finds = (selector: Labels) => (labels: Labels) =>
      Object.entries(selector).every(([key, value]) => labels[key] === value);
    const labels = pods.map((pod) => pod.labels);
    for (const { kind, metadata, spec } of manifests) {
      const selector = {
        Service: spec?.selector,
        Deployment: spec?.selector?.matchLabels,
        PodDisruptionBudget: spec?.selector?.matchLabels,
        NetworkPolicy: spec?.podSelector?.matchLabels,
      }[kind];
      if (selector !== undefined)
        expect(labels.filter(finds(selector)), `${kind} ${metadata.name}`).toHaveLength(1);
      if (kind === 'ServiceMonitor') {
        const services = manifests.filter((manifest) => manifest.kind === 'Service');
        expect(services.filter((one) => finds(spec.selector.matchLabels)(one.metadata.labels))).toHaveLength(
          1,
        );
      }
    }
    const policies = manifests.filter(({ kind }) => kind === 'NetworkPolicy');
    expect(policies).toHaveLength(pods.length);
  });
});

describe('what the internet may reach', () => {
  const everything = manifestsOf(read('tests/helm/everything.yaml'));
  const pathsOf = (document: string) =>
    Object.keys((JSON.parse(read(document)) as { paths: Record<string, unknown> }).paths);
  type IngressSpec = { rules: [{ http: { paths: { path: string; pathType: string }[] } }] };
  type RouteSpec = { rules: [{ matches: { path: { type: string; value: string } }[] }] };
  const specOf = (kind: string) => everything.find((one) => one.kind === kind)?.spec as unknown;
  const open = (specOf('Ingress') as IngressSpec).rules[0].http.paths;
  const reached = (path: string) =>
    open.some(
      ({ path: at, pathType }) => path === at || (pathType === 'Prefix' && path.startsWith(`${at}/`)),
    );

  test('is every path of the published document, and the pages beside it', () => {
    const others = ['/docs', '/docs/static/index.css', '/openapi.json', '/connect', '/connect/callback'];
    // /v1/patients:import is not below /v1/patients, but below /v1.
    const published = pathsOf('docs/openapi.json').filter((path) => !path.startsWith('/health/'));
    expect([...published, ...others].filter((path) => !reached(path))).toEqual([]);
  });

  test('is no path of the operators, no metrics and no health', () => {
    const closed = [...pathsOf('docs/operator-openapi.json'), '/operator', '/operator/docs', '/metrics'];
    expect([...closed, '/health/ready', '/health/live'].filter(reached)).toEqual([]);
  });

  test('is the same by a Gateway', () => {
    const matches = (specOf('HTTPRoute') as RouteSpec).rules[0].matches.map(({ path }) => ({
      path: path.value,
      pathType: path.type === 'PathPrefix' ? 'Prefix' : path.type,
    }));
    expect(matches).toEqual(open.map(({ path, pathType }) => ({ path, pathType })));
  });
});

describe.runIf(hasHelm())('helm', () => {
  test('scales the workers by metrics that they have, by the query of docs/kubernetes.md', () => {
    const keda = manifestsOf(renderChart(root, `${CHART}/ci/keda-values.yaml`)).find(
      ({ kind }) => kind === 'ScaledObject',
    )?.spec as unknown as { triggers: [{ metadata: { query: string } }] };
    const query = keda.triggers[0].metadata.query;
    expect(read('docs/kubernetes.md')).toContain(`\n${query}\n`);
    const names = new Set([...query.matchAll(/emr_payments_\w+/g)].map(([name]) => name));
    expect(names.size).toBe(3);
    const declared = globSync('apps/worker/src/metrics/*.ts', { cwd: root }).map(read).join('');
    for (const name of names) expect(declared).toContain(`name: '${name}'`);
  });

  test('renders the kept manifests: if not, run `pnpm helm-documents`', () => {
    // Versions of helm differ in the order of objects and in white space.
    const byName = (manifests: Manifest[]) =>
      new Map(manifests.map((manifest) => [`${manifest.kind} ${manifest.metadata.name}`, manifest]));
    for (const [path, text] of Object.entries(renderedManifests(root)))
      expect(byName(manifestsOf(text)), path).toEqual(byName(manifestsOf(read(path))));
  });

  test('renders the alerts as they are, with their own templates', () => {
    const rule = manifestsOf(renderChart(root, null, 'prometheusRule.enabled=true')).find(
      ({ kind }) => kind === 'PrometheusRule',
    );
    expect(rule?.spec).toEqual(parse(read(`${CHART}/files/alerts.yml`)));
  });

  test.each([
    ['settings.DATABASE_URL', '/settings'],
    ['api.settings.NO_SUCH_NAME', '/api/settings'],
    ['secrets.owner.variables.REDIS_URL', '/secrets/owner/variables'],
  ])('refuses %s, and says where it is', (path, place) => {
    expect(() => renderChart(root, null, `${path}=x`)).toThrow(
      `- at '${place}': additional properties '${path.split('.').at(-1)}' not allowed`,
    );
  });

  test.each([null, 'everything', 'keda'])('finds no fault with the chart and the values of %s', (name) => {
    const values = name === null ? [] : ['--values', `${CHART}/ci/${name}-values.yaml`];
    expect(helm(root, 'lint', '--strict', CHART, ...values)).toContain('0 chart(s) failed');
    expect(renderChart(root, name === null ? null : `${CHART}/ci/${name}-values.yaml`)).toContain(
      'kind: Deployment',
    );
  });
});
