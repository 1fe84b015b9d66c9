import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { appAccess, SMALL_PROCESS, tether } from '@emr-payments/stack';
import {
  freePort,
  openEmptyDatabase,
  redisForTests,
  startRedis,
  type TestDatabase,
} from '@emr-payments/testkit';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { parseAllDocuments } from 'yaml';

/**
 * The processes of the chart, started as a pod would start them: with the command, the variables and the files of the rendered manifests
 * and nothing else.
 */

const ROOT = join(import.meta.dirname, '..', '..');
const SECRETS = '/etc/emr-payments/secrets';
const PATIENCE = { timeout: 60_000, interval: 100 };

type Container = {
  command: string[];
  env: { name: string; value: string }[];
  readinessProbe: { httpGet: { path: string } };
};
type Manifest = {
  kind: string;
  metadata: { labels: Record<string, string> };
  spec: { template: { spec: { containers: [Container]; terminationGracePeriodSeconds: number } } };
};

const manifests = parseAllDocuments(readFileSync(join(import.meta.dirname, 'defaults.yaml'), 'utf8')).map(
  (document) => document.toJS() as Manifest,
);

function podOf(component: string) {
  const found = manifests.find(
    ({ kind, metadata }) =>
      ['Deployment', 'Job', 'Pod'].includes(kind) &&
      metadata.labels['app.kubernetes.io/component'] === component,
  );
  if (found === undefined) throw new Error(`the chart has no ${component}`);
  const pod = (
    found.kind === 'Pod' ? found.spec : found.spec.template.spec
  ) as Manifest['spec']['template']['spec'];
  const [{ command, env, readinessProbe }] = pod.containers;
  return {
    command,
    env,
    ready: readinessProbe?.httpGet.path,
    graceMs: pod.terminationGracePeriodSeconds * 1000,
  };
}

let folder: string;
let database: TestDatabase;
const cleanUp: (() => unknown)[] = [];

/** Writes the keys of a Secret, as Kubernetes mounts them. */
function mountSecret(name: string, keys: Record<string, string>): string {
  const mounted = join(folder, name);
  mkdirSync(mounted);
  for (const [key, value] of Object.entries(keys)) writeFileSync(join(mounted, key), value, { mode: 0o440 });
  return mounted;
}

/** Starts a container's command. The pods of a cluster have addresses of their own, so ports and the address to listen on differ here. */
function start(component: string, secrets: string, ports: Record<string, number> = {}) {
  const { command, env, ready, graceMs } = podOf(component);
  const [program, ...args] = command;
  expect(program).toBe('node');
  const variables = Object.fromEntries(
    env.map(({ name, value }) => [name, String(ports[name] ?? value.replace(SECRETS, secrets))]),
  );
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    env: {
      NODE_ENV: 'production',
      TZ: 'UTC',
      ...SMALL_PROCESS,
      ...variables,
      ...('HOST' in variables && { HOST: '127.0.0.1' }),
    },
  });
  tether(child);
  cleanUp.push(() => child.kill('SIGKILL'));
  const printed = Promise.all([text(child.stdout), text(child.stderr)]).then((parts) => parts.join(''));
  const ended = once(child, 'exit').then(async ([code]) => ({ code, printed: await printed }));
  return { child, ended, ready, graceMs };
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'emr-payments-chart-'));
  database = await openEmptyDatabase();
});
afterAll(async () => {
  for (const release of cleanUp.reverse()) await release();
  await database?.drop();
  rmSync(folder, { recursive: true, force: true });
});

/** The manifests name a Redis: without one, the output of the run says that the tests with Redis are skipped. */
describe.runIf(redisForTests() !== null)('the processes of the chart', () => {
  test('migrate, become ready, find everything in order and end in the time that a pod has', async () => {
    const redis = await startRedis();
    cleanUp.push(() => redis.stop());
    const app = appAccess(database.url);
    const service = mountSecret('service', {
      DATABASE_URL: app.url,
      ENCRYPTION_KEYS: `k1:${randomBytes(32).toString('base64')}`,
      REDIS_URL: redis.url,
    });
    const owner = mountSecret('owner', { DATABASE_URL: database.url, APP_PASSWORD: app.role.password });

    const migrated = await start('migrate', owner).ended;
    expect(migrated.printed).toMatch(/^Applied \d+ migrations\.$/m);
    expect(migrated.code).toBe(0);

    const ports = { PORT: await freePort(), HEALTH_PORT: await freePort() };
    const workerPorts = { HEALTH_PORT: await freePort() };
    const pods = [
      { pod: start('api', service, ports), port: ports.HEALTH_PORT },
      { pod: start('worker', service, workerPorts), port: workerPorts.HEALTH_PORT },
    ];
    for (const { pod, port } of pods) {
      await vi.waitFor(async () => {
        const answer = await fetch(`http://127.0.0.1:${port}${pod.ready}`);
        expect(await answer.json()).toMatchObject({ status: 'ok', queue: 'up' });
      }, PATIENCE);
    }

    const doctor = await start('doctor', service).ended;
    expect(doctor.printed).toMatch(/^ok +queue +/m);
    expect(doctor.printed).toMatch(/^ok +database +/m);
    expect(doctor.code).toBe(0);

    const asked = Date.now();
    for (const { pod } of pods) pod.child.kill('SIGTERM');
    for (const { pod } of pods) {
      const { code, printed } = await pod.ended;
      expect(printed).toContain('"msg":"stopped"');
      expect(code).toBe(0);
      expect(Date.now() - asked).toBeLessThan(pod.graceMs);
    }
  });
});
