import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type EmbeddedPostgres,
  PUBLISHED_BODY,
  removePlace,
  type Stack,
  startEmbeddedPostgres,
  startStack,
} from '@emr-payments/stack';
import { hasPrometheus, type Prometheus, startPrometheus } from '@emr-payments/testkit';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { parse } from 'yaml';

const ROOT = join(import.meta.dirname, '..');
const PATIENCE = { timeout: 60_000, interval: 200 };
const SLOW = 240_000;
/** A scrape waits 2 s for what does not answer. Prometheus gives it 10 s by default. */
const MOST_SCRAPE_MS = 8_000;

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'emr-payments-watching-'));
const dataDir = join(folder, 'postgres');
let postgres: EmbeddedPostgres;
let stack: Stack;

beforeAll(async () => {
  postgres = await startEmbeddedPostgres({ dataDir, port: 0, durable: false });
  stack = await startStack({ folder: join(folder, 'stack'), databaseUrl: postgres.url });
}, SLOW);
afterAll(async () => {
  await stack?.stop();
  await postgres?.stop('immediate');
  removePlace(dataDir);
  rmSync(folder, { recursive: true, force: true });
}, SLOW);

const api = () => stack.apis[0]?.healthUrl ?? '';
const worker = () => stack.workers[0]?.healthUrl ?? '';

async function scrape(url: string): Promise<{ text: string; ms: number }> {
  const since = performance.now();
  const answer = await fetch(`${url}/metrics`);
  expect(answer.status).toBe(200);
  return { text: await answer.text(), ms: performance.now() - since };
}

/** The metrics of a scrape, with the labels of their series. */
function metricsOf(text: string): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const [, name = ''] of text.matchAll(/^# TYPE (\S+)/gm)) found.set(name, new Set());
  for (const [, series = '', labels = ''] of text.matchAll(/^(\w+)(?:\{([^}]*)\})? /gm)) {
    const name = found.has(series) ? series : series.replace(/_(bucket|sum|count)$/, '');
    for (const [, label = ''] of labels.matchAll(/(\w+)="/g)) if (label !== 'le') found.get(name)?.add(label);
  }
  return found;
}

/** Sends a payment. @returns the status of the answer. */
async function pay(change: object, credentials: object = {}): Promise<number> {
  const { client_id, client_secret, access_token } = stack.demo;
  const answer = await fetch(`${stack.apiUrl}/v1/payments`, {
    method: 'POST',
    headers: {
      ...{ client_id, client_secret, access_token, 'content-type': 'application/json' },
      ...credentials,
    },
    body: JSON.stringify({ ...PUBLISHED_BODY, ...change }),
  });
  await answer.arrayBuffer();
  return answer.status;
}

/** Payments that are posted, that the EMR refuses, and requests that are refused. */
async function load(): Promise<void> {
  const statuses = new Set<number>();
  for (let n = 0; n < 20; n += 1) {
    const sent = [
      pay({ reference_number: `#good-${n}` }),
      pay({ reference_number: `#bad-${n}`, location: 'Nowhere' }),
      pay({ amount: -1 }),
      pay({}, { client_secret: 'cs_wrong' }),
    ];
    for (const status of await Promise.all(sent)) statuses.add(status);
  }
  expect(statuses).toEqual(new Set([200, 400, 401]));
}

const ended = async () => {
  const { text } = await scrape(worker());
  const value = (series: string) => Number(new RegExp(`^${series} (\\S+)$`, 'm').exec(text)?.[1]);
  return [
    value('emr_payments_postings_total\\{adapter="fhir-r5",outcome="posted"\\}'),
    value('emr_payments_postings_total\\{adapter="fhir-r5",outcome="failed"\\}'),
    value('emr_payments_delivery_attempts_total\\{result="delivered"\\}'),
  ];
};

test('docs/metrics.md has every metric of ours with its labels, and no other', async () => {
  const shown = new Map([
    ...metricsOf((await scrape(api())).text),
    ...metricsOf((await scrape(worker())).text),
  ]);
  const ours = [...shown].filter(([name]) => name.startsWith('emr_payments_'));
  const rows = [...read('docs/metrics.md').matchAll(/^\| `(emr_payments_\w+)` +\| ([^|]*)\|/gm)];
  const documented = rows.map(([, name = '', labels = '']) => [
    name,
    [...labels.matchAll(/`(\w+)`/g)].map(([, label = '']) => label).toSorted(),
  ]);
  expect(documented.toSorted()).toEqual(
    ours.map(([name, labels]) => [name, [...labels].toSorted()]).toSorted(),
  );
});

test('every metric in the alerts is one that an API or a worker shows, or is not ours', async () => {
  const shown = [...metricsOf((await scrape(api())).text), ...metricsOf((await scrape(worker())).text)];
  const names = new Set(shown.map(([name]) => name));
  const { groups } = parse(read('deploy/prometheus/alerts.yml')) as {
    groups: { rules: { expr: string }[] }[];
  };
  const used = groups.flatMap(({ rules }) =>
    rules.flatMap(({ expr }) =>
      [...expr.matchAll(/\b(?:emr_payments|nodejs|process)_\w+/g)].map(([name]) => name),
    ),
  );
  expect(used.length).toBeGreaterThan(30);
  const unknown = used.filter(
    (name) => !names.has(name) && !names.has(name.replace(/_(bucket|sum|count)$/, '')),
  );
  expect(unknown).toEqual([]);
});

if (!hasPrometheus())
  process.stderr.write(`
  ############################################################################
  #  NO PROMETHEUS: it is not on the PATH (Debian: prometheus).              #
  #  The expressions of the alerts and the dashboard were NOT RUN.           #
  ############################################################################
`);

describe.runIf(hasPrometheus())('Prometheus', () => {
  let prometheus: Prometheus;
  beforeAll(async () => {
    prometheus = await startPrometheus({
      jobs: { 'emr-payments-api': [api()], 'emr-payments-worker': [worker()] },
      rules: [join(ROOT, 'deploy', 'prometheus', 'alerts.yml')],
      everyMs: 1_000,
    });
  });
  afterAll(() => prometheus?.stop());

  type Panel = { title: string; type: string; targets?: { expr: string }[] };
  const { panels } = JSON.parse(read('deploy/grafana/emr-payments.json')) as { panels: Panel[] };
  const queries = panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr })));
  /** These have rows only where a node_exporter runs, other routes are asked for, or patients are looked up. */
  const mayBeEmpty = /^node_|route!=|patient_lookups|syncs_total/;

  test('every query of the dashboard has rows', { timeout: SLOW }, async () => {
    expect(queries.length).toBeGreaterThan(40);
    await load();
    await vi.waitFor(async () => expect(await ended()).toEqual([20, 20, 40]), PATIENCE);
    const empty = async () => {
      const found: string[] = [];
      for (const { title, expr } of queries) {
        const query = expr.replaceAll('$__rate_interval', '1m');
        const { result } = await prometheus.ask<{ result: { value: [number, string] }[] }>('query', {
          query,
        });
        if (result.length === 0 && !mayBeEmpty.test(expr)) found.push(`${title}: ${expr}`);
      }
      return found;
    };
    await vi.waitFor(async () => expect(await empty()).toEqual([]), PATIENCE);
  });

  test('every alert is computed without an error, and none is firing', { timeout: SLOW }, async () => {
    type Rule = { name: string; health: string; lastError?: string; state: string };
    const rules = async () => {
      const { groups } = await prometheus.ask<{ groups: { rules: Rule[] }[] }>('rules');
      return groups.flatMap((group) => group.rules);
    };
    await vi.waitFor(async () => {
      const all = await rules();
      expect(all.length).toBeGreaterThan(20);
      expect(all.filter(({ health }) => health !== 'ok')).toEqual([]);
    }, PATIENCE);
    expect((await rules()).filter(({ state }) => state === 'firing')).toEqual([]);
  });
});

/** The processes of a server: a frozen postmaster alone would leave its sessions at work. */
function processesOf(server: number): number[] {
  const children = readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[1] === String(server);
    } catch {
      return false;
    }
  });
  return [server, ...children.map(Number)];
}

const USABLE = /^emr_payments_usable\{part="postgres"\} 1$/m;

describe.runIf(process.platform === 'linux')('while PostgreSQL', () => {
  test.each([
    [
      'hangs',
      async () => {
        const frozen = processesOf(postgres.pid);
        for (const pid of frozen) process.kill(pid, 'SIGSTOP');
        return async () => {
          for (const pid of frozen) process.kill(pid, 'SIGCONT');
        };
      },
    ],
    [
      'is down',
      async () => {
        await postgres.stop('immediate');
        return () => postgres.restart();
      },
    ],
  ])(
    '%s, /metrics is answered in time, without what it would say',
    { timeout: SLOW },
    async (_name, strike) => {
      const mend = await strike();
      try {
        for (const url of [worker(), api()]) {
          // What was measured just before may be believed once.
          await vi.waitFor(async () => expect((await scrape(url)).text).not.toMatch(USABLE), PATIENCE);
          const { text, ms } = await scrape(url);
          expect(ms).toBeLessThan(MOST_SCRAPE_MS);
          expect(text).toContain('emr_payments_usable{part="postgres"} 0\n');
          expect(text).toContain('emr_payments_build_info{');
          expect(text).toContain('emr_payments_pool_connections{');
        }
        const { text } = await scrape(worker());
        expect(text).toContain('emr_payments_work_measured 0\n');
        expect(text).not.toMatch(/^emr_payments_(jobs|needs_review|holds)[{ ]/m);
        expect(text).toMatch(/^emr_payments_postings_total\{/m);
      } finally {
        await mend();
      }
      await vi.waitFor(async () => {
        const { text } = await scrape(worker());
        expect(text).toContain('emr_payments_work_measured 1\n');
        expect(text).toMatch(USABLE);
      }, PATIENCE);
    },
  );
});
