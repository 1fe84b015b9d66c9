import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { freePort, startApp } from '@emr-payments/stack';
import { buildApps } from '@emr-payments/stack/build';
import { withClient } from '../machine/ask.ts';
import { openEnvironment } from '../machine/environment.ts';
import { cpuOfTree, usageOf } from '../machine/process-usage.ts';
import { dearestFunctions } from '../report/dearest-functions.ts';
import { type Finding, findingOf } from '../report/finding.ts';
import { median } from '../report/statistics.ts';
import { tableOf } from '../report/table.ts';
import { openService } from '../service/open-service.ts';

/**
 * Compares what accepting costs in several versions of this project, in rounds that alternate within one run, because on a machine
 * with other work only those compare: µs of processor time a payment of the API (of which `kernel` in the kernel), of PostgreSQL and of the load generator, and bytes
 * of WAL. Each version has a database of its own, with the schema of this one; the first version is this one.
 *
 *     node bench/micro/accept-versions.ts [--rounds 9] [--count 10000] [--profile] [folder=…|sql=…|node=…|env=…|traces=…]…
 *
 * `folder=` runs the API of another working copy, as `pnpm build` has made it there; `node=` runs this one with other NODE_OPTIONS; `sql=` runs this API on a database that this statement has changed first, such as
 * `sql=DROP INDEX …`; `env=` runs it with more variables, such as `env=LOG_LEVEL=silent`; `traces=`
 * runs it with a collector that answers at once, and a sampler with its part of all requests, such as `traces=parentbased_traceidratio:0.01`. `--profile` also lists the functions of each API that took the most time, over all rounds.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '9' },
    count: { type: 'string', default: '10000' },
    connections: { type: 'string', default: '64' },
    profile: { type: 'boolean', default: false },
  },
});
const [rounds, count, connections] = [values.rounds, values.count, values.connections].map(Number) as [
  number,
  number,
  number,
];
await buildApps();
const ROOT = join(import.meta.dirname, '..', '..');
const HOST = '127.0.0.1';

/** Takes spans, and answers at once: the versions are measured, and not what a collector does. Its own time counts nowhere. */
const collector = createServer((request, response) => {
  request.resume().once('end', () => response.end());
}).listen(0, HOST);
await once(collector, 'listening');
const collectorUrl = `http://${HOST}:${(collector.address() as AddressInfo).port}`;

/** A version from before `dist/` runs from its source. */
function entryOf(folder: string): string {
  const built = join(folder, 'dist', 'api.js');
  return existsSync(built) ? built : join(folder, 'apps', 'api', 'src', 'main.ts');
}

type Version = {
  name: string;
  folder: string;
  sql: string | null;
  node?: string;
  env?: Record<string, string>;
};
const versions: Version[] = [
  { name: 'this', folder: ROOT, sql: null },
  ...positionals.map((given) => {
    const [kind = '', ...rest] = given.split('=');
    const value = rest.join('=');
    if (kind === 'folder') return { name: value.slice(-50), folder: resolve(value), sql: null };
    if (kind === 'sql') return { name: value.slice(-50), folder: ROOT, sql: value };
    if (kind === 'node') return { name: value.slice(-50), folder: ROOT, sql: null, node: value };
    if (kind === 'env') {
      const env = Object.fromEntries(value.split(' ').map((pair) => pair.split(/=(.*)/s)));
      return { name: value.slice(-50), folder: ROOT, sql: null, env };
    }
    if (kind === 'traces') {
      const [sampler = '', part = '1'] = value.split(':');
      const env = {
        OTEL_EXPORTER_OTLP_ENDPOINT: collectorUrl,
        OTEL_TRACES_SAMPLER: sampler,
        OTEL_TRACES_SAMPLER_ARG: part,
      };
      return { name: given, folder: ROOT, sql: null, env };
    }
    throw new Error(`'${given}' is none of folder=…, sql=…, node=…, env=…, traces=…`);
  }),
];

const local = join(ROOT, '.local');
mkdirSync(local, { recursive: true });
const place = mkdtempSync(join(local, 'versions-'));
const environment = await openEnvironment(join(place, 'run'));
const service = await openService(environment, {
  name: 'versions',
  workers: 0,
  tenants: { count: 8, postingCap: 16, deliveryCap: 32 },
});
try {
  // A template must have no connections.
  await Promise.all(service.stack.apis.map((api) => api.stop()));
  const running = [];
  for (const [n, version] of versions.entries()) {
    const name = `versions_${n}`;
    await withClient(environment.postgres.url, async (client) => {
      await client.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'versions'`);
      await client.query(`CREATE DATABASE ${name} TEMPLATE versions`);
    });
    const owned = environment.postgres.urlOf(name);
    const { sql } = version;
    if (sql !== null) await withClient(owned, (client) => client.query(sql));
    const [port, health] = [await freePort(), await freePort()];
    const profiles = join(place, `profile-${n}`);
    const databaseUrl = new URL(service.stack.databaseUrl);
    databaseUrl.pathname = `/${name}`;
    const api = await startApp({
      app: 'api',
      entry: entryOf(version.folder),
      name,
      url: `http://${HOST}:${port}`,
      healthUrl: `http://${HOST}:${health}`,
      logFile: join(place, `${name}.log`),
      env: {
        DATABASE_URL: databaseUrl.href,
        ENCRYPTION_KEYS: service.stack.encryptionKeys,
        WEBHOOK_ALLOW_HOSTS: HOST,
        HOST,
        PORT: String(port),
        HEALTH_PORT: String(health),
        DRAIN_MS: '0',
        RATE_LIMIT_CLIENT_PER_SECOND: '1000000',
        RATE_LIMIT_USER_PER_SECOND: '1000000',
        ...(environment.redis === undefined ? {} : { REDIS_URL: environment.redis.url }),
        ...version.env,
        ...(version.node === undefined ? {} : { NODE_OPTIONS: version.node }),
        ...(values.profile ? { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${profiles}` } : {}),
      },
    });
    running.push({
      ...version,
      api,
      profiles,
      runs: { api: [], kernel: [], postgres: [], generator: [], wal: [], rate: [] } as Runs,
    });
  }
  const UNITS = {
    api: 'µs',
    kernel: 'µs',
    postgres: 'µs',
    generator: 'µs',
    wal: 'bytes',
    rate: 'payments/s',
  };
  type Runs = Record<'api' | 'kernel' | 'postgres' | 'generator' | 'wal' | 'rate', number[]>;

  const read = async (pid: number) => ({
    api: (usageOf(pid)?.cpuSeconds ?? 0) * 1e6,
    kernel: (usageOf(pid)?.kernelSeconds ?? 0) * 1e6,
    postgres: cpuOfTree(environment.postgres.pid) * 1e6,
    generator: (usageOf(service.generatorPid)?.cpuSeconds ?? 0) * 1e6,
    wal: await withClient(environment.postgres.url, async (client) =>
      Number((await client.query("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn AS n")).rows[0]?.n),
    ),
  });
  for (let round = 0; round <= rounds; round += 1) {
    for (const { api, runs } of round % 2 === 0 ? running : running.toReversed()) {
      const before = await read(api.pid);
      const result = await service.load({ url: api.url, connections, pace: { kind: 'closed', count } });
      if (result.ok !== count) throw new Error(`also answered ${JSON.stringify(result.others)}`);
      const after = await read(api.pid);
      // The first round warms up.
      if (round === 0) continue;
      for (const name of Object.keys(before) as (keyof typeof before)[])
        runs[name].push((after[name] - before[name]) / count);
      runs.rate.push(result.perSecond);
    }
  }
  const [first] = running;
  const findings: Finding[] = running.flatMap(({ name, runs }) =>
    (Object.keys(runs) as (keyof Runs)[]).flatMap((what) => [
      findingOf(`${what}, ${name}`, UNITS[what], runs[what]),
      ...(runs === first?.runs
        ? []
        : [
            findingOf(
              `${what}, this ÷ that`,
              '×',
              runs[what].map((value, n) => (first?.runs[what][n] ?? Number.NaN) / value),
            ),
          ]),
    ]),
  );
  for (const { name, api } of running)
    findings.push(findingOf(`peak RSS, ${name}`, 'MB', [usageOf(api.pid)?.peakRssMb ?? 0]));
  process.stdout.write(`${tableOf(findings)}\n`);
  for (const { api, name, profiles, runs } of running) {
    await api.stop();
    if (!values.profile) continue;
    const cost = median(runs.api);
    for (const file of readdirSync(profiles)) {
      const path = join(profiles, file);
      if (!/dist\/api\.js|apps\/api\/src\/main\.ts/.test(readFileSync(path, 'utf8'))) continue;
      const rows = dearestFunctions(path, 25).map(({ name: what, percent }) =>
        findingOf(what, 'µs', [(percent * cost) / 100]),
      );
      process.stdout.write(`\n${name}: ${path}\n${tableOf(rows)}\n`);
    }
  }
} finally {
  await service.close();
  await environment.close();
  collector.closeAllConnections();
  collector.close();
}
