import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { grafanaDashboard } from './grafana-dashboard.ts';

const ROOT = join(import.meta.dirname, '..');
const FOLDER = join(ROOT, 'deploy', 'prometheus');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

type Rule = {
  alert: string;
  expr: string;
  labels: { severity: string };
  annotations: Record<string, string>;
};
const rules = (parse(read('deploy/prometheus/alerts.yml')) as { groups: { rules: Rule[] }[] }).groups.flatMap(
  (group) => group.rules,
);
const names = rules.map(({ alert }) => alert);

/** The paragraphs of docs/operating.md about alerts, by their headings. */
const [, section = ''] = /^## When an alert fires\n(.*?)^## /ms.exec(read('docs/operating.md')) ?? [];
const paragraphs = new Map(
  [...section.matchAll(/^### (\w+)\n\n(.*?)(?=^### |$(?![\s\S]))/gms)].map(([, name = '', text = '']) => [
    name,
    text,
  ]),
);

describe('the alerts', () => {
  test('each has its paragraph in docs/operating.md, and each paragraph its alert', () => {
    expect(names.length).toBeGreaterThan(20);
    expect(new Set(names).size).toBe(names.length);
    expect([...paragraphs.keys()].toSorted()).toEqual(names.toSorted());
  });

  test.each(rules)('$alert names its paragraph and how urgent it is', ({ alert, labels, annotations }) => {
    const { runbook_url: url = '', summary = '' } = annotations;
    expect(url).toMatch(/^https:\/\/\S+\/docs\/operating\.md#/);
    expect(url.split('#')[1]).toBe(alert.toLowerCase());
    expect(['critical', 'warning']).toContain(labels.severity);
    expect(summary).toMatch(/^[A-Z].*\.$/);
  });

  test('the commands and variables in the paragraphs are there', () => {
    const { PATH } = process.env;
    const commands = [
      ...section.matchAll(/`(?:emr-payments )?((?:user|payment|hold|webhook|audit|doctor)(?: [a-z]+)?)\b/g),
    ];
    const asked = new Set(commands.map(([, command = '']) => command));
    expect(asked.size).toBeGreaterThan(8);
    const help = (words: string[]) => {
      const main = join(ROOT, 'dist', 'cli.js');
      const { stdout } = spawnSync(process.execPath, [main, ...words, '--help'], {
        encoding: 'utf8',
        env: { PATH },
      });
      return stdout;
    };
    const nouns = new Map<string, string>();
    const missing = [...asked].filter((command) => {
      const [noun = '', verb] = command.split(' ');
      if (!nouns.has(noun)) nouns.set(noun, help([noun]));
      const shown = nouns.get(noun) ?? '';
      return (
        !shown.startsWith(`Usage: emr-payments ${noun}`) ||
        (verb !== undefined && !shown.includes(`\n  ${verb} `))
      );
    });
    expect(missing).toEqual([]);
    const documented = read('docs/configuration.md');
    const variables = [...section.matchAll(/`([A-Z]+(?:_[A-Z]+)+)`/g)].map(([, variable = '']) => variable);
    expect(variables.length).toBeGreaterThan(5);
    expect(variables.filter((variable) => !documented.includes(variable))).toEqual([]);
  });
});

type Case = { alertname: string; exp_alerts: unknown[] };

describe('the unit tests of the alerts', () => {
  const { tests } = parse(read('deploy/prometheus/alerts.test.yml')) as {
    tests: { alert_rule_test: Case[] }[];
  };
  const cases = tests.flatMap((one) => one.alert_rule_test);

  test.each(names)('%s has a case in which it fires, and one in which it does not', (name) => {
    const fires = cases
      .filter(({ alertname }) => alertname === name)
      .map(({ exp_alerts }) => exp_alerts.length > 0);
    expect(new Set(fires)).toEqual(new Set([true, false]));
  });
});

const promtool = (...args: string[]) =>
  spawnSync('promtool', args, { cwd: FOLDER, encoding: 'utf8', env: { PATH: process.env.PATH } });
const hasPromtool = promtool('--version').status === 0;
if (!hasPromtool)
  process.stderr.write(`
  ############################################################################
  #  NO PROMTOOL: it is not on the PATH (Debian: prometheus).                #
  #  The unit tests of the alerts were SKIPPED.                              #
  ############################################################################
`);

describe.runIf(hasPromtool)('promtool', () => {
  test.each([
    ['check', 'config', 'prometheus.yml'],
    ['test', 'rules', 'alerts.test.yml'],
  ])('%s %s %s', (...args) => {
    const { status, stdout, stderr } = promtool(...args);
    expect(status, stdout + stderr).toBe(0);
  });
});

test('deploy/grafana/emr-payments.json is what its panels say; `pnpm grafana-dashboard` writes it', () => {
  expect(read('deploy/grafana/emr-payments.json')).toBe(grafanaDashboard());
});
