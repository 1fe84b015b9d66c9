import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { findProgram, launchServer } from './server-process.ts';

/** True when Prometheus is installed. */
export const hasPrometheus = (): boolean => findProgram('prometheus', '--version') !== undefined;

export type PrometheusOptions = {
  /** Base URLs of processes that have `/metrics`, by the name of their job. */
  jobs: Readonly<Record<string, readonly string[]>>;
  /** Files of rules. */
  rules: readonly string[];
  everyMs: number;
};

export type Prometheus = {
  url: string;
  /** Asks its API. @returns `data` of the answer. @throws Error with its words when the query is wrong. */
  ask<Data>(path: string, query?: Readonly<Record<string, string>>): Promise<Data>;
  stop(): Promise<void>;
};

const START_WITHIN_MS = 30_000;

/** Starts a Prometheus on loopback that scrapes these processes. It is stopped with our process. */
export async function startPrometheus({ jobs, rules, everyMs }: PrometheusOptions): Promise<Prometheus> {
  const folder = mkdtempSync(join(tmpdir(), 'emr-payments-prometheus-'));
  const port = await freePort();
  const config = {
    global: { scrape_interval: `${everyMs}ms`, scrape_timeout: `${everyMs}ms`, evaluation_interval: '1s' },
    rule_files: rules,
    scrape_configs: Object.entries(jobs).map(([name, urls]) => ({
      job_name: name,
      static_configs: [{ targets: urls.map((url) => new URL(url).host) }],
    })),
  };
  // JSON is YAML.
  writeFileSync(join(folder, 'prometheus.yml'), JSON.stringify(config));
  const url = `http://127.0.0.1:${port}`;
  const removeFolder = () => rmSync(folder, { recursive: true, force: true });
  const stopServer = await launchServer({
    file: 'prometheus',
    args: [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    isReady: async () => (await fetch(`${url}/-/ready`)).ok,
    withinMs: START_WITHIN_MS,
  }).catch((error: unknown) => {
    removeFolder();
    throw error;
  });
  return {
    url,
    async ask<Data>(path: string, query = {}) {
      const answer = await fetch(`${url}/api/v1/${path}?${new URLSearchParams(query)}`);
      const body = (await answer.json()) as { status: string; data: Data; error?: string };
      if (body.status !== 'success') throw new Error(`${JSON.stringify(query)}: ${body.error}`);
      return body.data;
    },
    async stop() {
      await stopServer();
      removeFolder();
    },
  };
}
