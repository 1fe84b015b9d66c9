import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parse } from 'yaml';
import { CHART } from './helm-documents.ts';

/** The manifests that are kept, by path, and the values that they are made with. */
const RENDERED: Record<string, string | null> = {
  'tests/helm/defaults.yaml': null,
  'tests/helm/everything.yaml': `${CHART}/ci/everything-values.yaml`,
};

/** The versions of a helm that was built without its release's flags say Kubernetes 1.20, which the chart refuses. */
const KUBERNETES = '1.37.0';

export const hasHelm = (): boolean => spawnSync('helm', ['version'], { stdio: 'ignore' }).status === 0;

/** Runs helm in the folder of the repository. @throws Error with what helm has said, when it fails. */
export function helm(root: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync('helm', args, { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${stdout}${stderr}`);
  return stdout;
}

/** Renders the chart. @param file with values; null: the defaults. @param set `path=value`, one more value. */
export function renderChart(root: string, file: string | null, set?: string): string {
  const values = [...(file === null ? [] : ['--values', file]), ...(set === undefined ? [] : ['--set', set])];
  const release = ['payments', CHART, '--namespace', 'payments', '--kube-version', KUBERNETES];
  return helm(root, 'template', ...release, ...values);
}

/** The inputs of the kept manifests. The alerts are not rendered there, so that a change of them needs no helm. */
const INPUTS = ['templates/**/*', 'values.yaml', 'ci/everything-values.yaml'];

/** A checksum of what the manifests are made from, by which a machine without helm notices manifests that are too old. */
function checksumOf(root: string): string {
  const hash = createHash('sha256');
  for (const path of globSync(INPUTS, { cwd: join(root, CHART), withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()) {
    hash.update(`${relative(root, path)}\n`).update(readFileSync(path));
  }
  return hash.digest('hex');
}

export const headOf = (root: string): string =>
  `# Written by \`pnpm helm-documents\` from the chart with the checksum ${checksumOf(root)}`;

/** The manifests of the chart that are kept, by path, as this machine's helm renders them. They name no version: a release changes none. */
export function renderedManifests(root: string): Record<string, string> {
  const head = headOf(root);
  const { version } = parse(readFileSync(join(root, CHART, 'Chart.yaml'), 'utf8')) as { version: string };
  return Object.fromEntries(
    Object.entries(RENDERED).map(([path, values]) => [
      path,
      `${head}\n${renderChart(root, values).replaceAll(version, 'VERSION')}`,
    ]),
  );
}

export const RENDERED_FILES = Object.keys(RENDERED);
