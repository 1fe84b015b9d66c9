import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { environment as api } from '../apps/api/src/config.ts';
import { environment as cli } from '../apps/cli/src/config.ts';
import { environment as worker } from '../apps/worker/src/config.ts';
import { environment as migrate } from '../packages/db/src/migrations/config.ts';
import { markdownTable } from './markdown-table.ts';

export const CHART = 'deploy/helm/emr-payments';

/** The ports of a pod, which the chart sets and names in Services, probes and policies. */
const OF_THE_CHART = ['PORT', 'HEALTH_PORT'];

/** The part of a process's schema that is read here. */
type Environment = { properties: Record<string, { description?: string; secret?: boolean }> };

function namesOf(environments: readonly Environment[], kind: 'secrets' | 'settings'): string[] {
  const names = environments.flatMap(({ properties }) =>
    Object.entries(properties).flatMap(([name, property]) =>
      (property.secret === true) === (kind === 'secrets') && !OF_THE_CHART.includes(name) ? [name] : [],
    ),
  );
  return [...new Set(names)].sort();
}

type NamesIn = { patternProperties: Record<string, unknown> };
type ValuesSchema = {
  properties: {
    secrets: { properties: Record<'service' | 'owner', { properties: { variables: NamesIn } }> };
    settings: NamesIn;
    api: { properties: { settings: NamesIn } };
    worker: { properties: { settings: NamesIn } };
    migrate: { properties: { settings: NamesIn } };
  };
};

/**
 * Puts the names of the processes' variables into the schema of the values: Helm refuses one that no process reads, and a secret. They are a pattern beside
 * `additionalProperties: false`, because Helm names the wrong place for what `propertyNames` refuses.
 */
function schemaWithNames(text: string): string {
  const schema = JSON.parse(text) as ValuesSchema;
  const allow = (values: NamesIn, names: string[]) => {
    values.patternProperties = { [`^(${names.join('|')})$`]: Object.values(values.patternProperties)[0] };
  };
  const { secrets, settings, api: ofApi, worker: ofWorker, migrate: ofMigrate } = schema.properties;
  allow(secrets.properties.service.properties.variables, namesOf([api, worker, cli], 'secrets'));
  allow(secrets.properties.owner.properties.variables, namesOf([migrate], 'secrets'));
  allow(settings, namesOf([api, worker, cli], 'settings'));
  allow(ofApi.properties.settings, namesOf([api], 'settings'));
  allow(ofWorker.properties.settings, namesOf([worker], 'settings'));
  allow(ofMigrate.properties.settings, namesOf([migrate], 'settings'));
  return `${JSON.stringify(schema, null, 2)}\n`;
}

/**
 * Reads the values with their comments: `key: value # -- text`, or `# -- text` on the line above the key.
 *
 * @throws Error when a value has no comment, nor anything above it.
 */
function describedValues(text: string): string[][] {
  const rows: string[][] = [];
  const path: { key: string; indent: number }[] = [];
  let above: string | undefined;
  for (const line of text.split('\n')) {
    const [, onLine = ''] = /# -- (.*)$/.exec(line) ?? [];
    const key = /^( *)([A-Za-z_]\w*):/.exec(line);
    if (key === null) {
      if (onLine !== '') above = onLine;
      continue;
    }
    const [, { length: indent } = '', name = ''] = key;
    while ((path.at(-1)?.indent ?? -1) >= indent) path.pop();
    path.push({ key: name, indent });
    const description = onLine === '' ? above : onLine;
    above = undefined;
    if (description !== undefined) rows.push([path.map((step) => step.key).join('.'), description]);
  }
  return rows;
}

type Branch = { [key: string]: unknown };

const valueAt = (values: Branch, path: string): unknown =>
  path.split('.').reduce<unknown>((at, key) => (at as Branch)[key], values);

function leavesOf(value: unknown, path = ''): string[] {
  const isBranch = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isBranch || Object.keys(value).length === 0) return [path];
  return Object.entries(value).flatMap(([key, below]) =>
    leavesOf(below, path === '' ? key : `${path}.${key}`),
  );
}

function tableOfValues(text: string): string {
  const values = parse(text) as Branch;
  const rows = describedValues(text);
  const missing = leavesOf(values).filter(
    (leaf) => !rows.some(([path = '']) => leaf === path || leaf.startsWith(`${path}.`)),
  );
  if (missing.length > 0) throw new Error(`values.yaml says nothing of ${missing.join(', ')}`);
  return markdownTable([
    ['value', 'default', 'description'],
    ...rows.map(([path = '', description = '']) => [
      `\`${path}\``,
      `\`${JSON.stringify(valueAt(values, path))}\``,
      description,
    ]),
  ]);
}

const BEGIN = '<!-- The table is written by `pnpm helm-documents` from values.yaml: change it there. -->';

/** The alerts, which Helm can read only inside the chart. */
const ALERTS = 'deploy/prometheus/alerts.yml';

/**
 * The files of the chart that are made from others, by path: the table of README.md, the names of variables in values.schema.json, and the
 * copy of the alerts.
 */
export function helmDocuments(root: string): Record<string, string> {
  const read = (name: string) => readFileSync(join(root, CHART, name), 'utf8');
  const [text = ''] = read('README.md').split(BEGIN);
  return {
    [`${CHART}/README.md`]: `${text}${BEGIN}\n\n${tableOfValues(read('values.yaml'))}\n`,
    [`${CHART}/values.schema.json`]: schemaWithNames(read('values.schema.json')),
    [`${CHART}/files/alerts.yml`]: readFileSync(join(root, ALERTS), 'utf8'),
  };
}
