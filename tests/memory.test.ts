import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type AppProcess, PUBLISHED_BODY, SMALL_PROCESS, type Stack, startStack } from '@emr-payments/stack';
import { modulesIn } from '@emr-payments/stack/build';
import { openEmptyDatabase } from '@emr-payments/testkit';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

const SLOW = 120_000;
const PATIENCE = { timeout: 30_000, interval: 50 };

const folder = mkdtempSync(join(tmpdir(), 'emr-payments-memory-'));
let stack: Stack;
let close = async (): Promise<void> => undefined;

/** Lets an app record its modules. */
function recorded(app: string): { NODE_OPTIONS: string } {
  const recorder = pathToFileURL(join(import.meta.dirname, 'record-modules.fixture.ts'));
  recorder.searchParams.set('into', pathToFileURL(join(folder, `${app}.modules`)).href);
  return { NODE_OPTIONS: `${SMALL_PROCESS.NODE_OPTIONS} --import=${recorder.href}` };
}

/** The modules that an app has loaded by now, those in the files of `dist/` among them. */
const modulesOf = (app: string): string[] =>
  readFileSync(join(folder, `${app}.modules`), 'utf8')
    .trim()
    .split('\n')
    .flatMap((url) => [url, ...modulesIn(basename(url)).map((path) => `/${path}`)]);

const among = (modules: readonly string[], unwanted: readonly RegExp[]): string[] =>
  modules.filter((module) => unwanted.some((pattern) => pattern.test(module)));

async function ask(
  path: string,
  body?: object,
): Promise<{ http: number; payment_id?: string; data?: { status?: string } }> {
  const { client_id, client_secret, access_token } = stack.demo;
  const answer = await fetch(`${stack.apiUrl}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { client_id, client_secret, access_token, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { http: answer.status, ...((await answer.json()) as object) };
}

const package_ = (name: string) => new RegExp(`/node_modules/${name}/`);
const PRISMA = [package_('@prisma/[^/]+'), /packages\/db\/src\/generated\/(client|internal)/];
/** Traces are off. prom-client loads OpenTelemetry's API, whose calls do nothing, by itself. */
const TRACES = [package_('@opentelemetry/(?!api/)[^/]+')];
const UNDICI = /internal\/deps\/undici/;
/** The page's own work: its operations and the client of Prisma come with the first person. */
const CONNECT = [/packages\/operations\/src\/connect\//, /packages\/emr\/src\/logins\//];
const OPERATOR = [
  /apps\/api\/src\/operator\/(?!late-operator-api)/,
  /packages\/contracts\/src\/operator\//,
  /packages\/operations\//,
];
/** What operators and people do, and the reading of their files, apart from the entry for processes that serve. */
const FOR_PEOPLE = [
  /packages\/operations\/src\/(index|archive|connect|doctor|holds|keys|patients|payments|restore|users)\b/,
  package_('csv-parse'),
];
const DIALECTS = [package_('got'), package_('jose'), /packages\/emr\/src\/(dialects|http)\//];

beforeAll(async () => {
  const database = await openEmptyDatabase();
  close = database.drop;
  stack = await startStack({
    folder,
    databaseUrl: database.url,
    settings: { api: recorded('api'), worker: recorded('worker') },
  });
}, SLOW);
afterAll(async () => {
  await stack?.stop();
  await close();
  rmSync(folder, { recursive: true, force: true });
}, SLOW);

test(
  'what a payment does not use on its way from acceptance to webhook is not loaded',
  async () => {
    const { http, payment_id } = await ask('/v1/payments', {
      ...PUBLISHED_BODY,
      reference_number: randomBytes(8).toString('hex'),
    });
    expect(http).toBe(200);
    await vi.waitFor(async () => {
      expect((await ask(`/v1/payments/${payment_id}`)).data?.status).toBe('posted');
      const received = await fetch(`${stack.inboxUrl}/messages`);
      expect(await received.text()).toContain(payment_id);
    }, PATIENCE);
    for (const { healthUrl } of [...stack.apis, ...stack.workers])
      for (const path of ['/health/live', '/health/ready', '/metrics'])
        expect((await fetch(`${healthUrl}${path}`)).status).toBe(200);
    for (const path of ['/docs', '/openapi.json'])
      expect((await fetch(`${stack.apiUrl}${path}`)).status).toBe(200);
    expect((await ask('/v1/events/evt_000000000000000000000000')).http).toBe(404);

    const swagger = [package_('@fastify/swagger'), package_('@fastify/swagger-ui'), package_('yaml')];
    const others = [...swagger, package_('bullmq'), package_('mime-db')];
    const api = modulesOf('api');
    expect(
      among(api, [...PRISMA, UNDICI, ...TRACES, ...DIALECTS, ...others, ...OPERATOR, ...CONNECT]),
    ).toEqual([]);
    expect(among(api, [package_('fastify')]).length).toBeGreaterThan(10);

    const worker = modulesOf('worker');
    expect(
      among(worker, [...PRISMA, UNDICI, ...TRACES, ...FOR_PEOPLE, package_('fastify'), package_('ajv')]),
    ).toEqual([]);
    expect(among(worker, [/packages\/operations\/src\/serving/]).length).toBe(1);
    expect(among(worker, [package_('bullmq')]).length).toBeGreaterThan(10);
    expect(among(worker, DIALECTS).length).toBeGreaterThan(10);
  },
  SLOW,
);

test(
  'the first question for an EMR loads the dialects into the API',
  async () => {
    expect((await ask('/v1/connection')).http).toBe(200);
    const api = modulesOf('api');
    expect(among(api, DIALECTS).length).toBeGreaterThan(10);
    expect(among(api, [...PRISMA, UNDICI, ...FOR_PEOPLE])).toEqual([]);
  },
  SLOW,
);

test(
  'the first request of an operator loads its API',
  async () => {
    expect((await ask('/operator/v1/clients')).http).toBe(401);
    expect(among(modulesOf('api'), OPERATOR).length).toBeGreaterThan(20);
  },
  SLOW,
);

/**
 * Room for a slow machine. Before these modules were left out, an API began
 * with 161 MB (docs/performance-notes.md).
 */
const MOST_MB = 135;

test.runIf(existsSync('/proc/self/status'))(
  'a process is small after its start',
  async () => {
    const database = await openEmptyDatabase();
    const own = await startStack({ folder: join(folder, 'small'), databaseUrl: database.url });
    const residentMb = ({ pid }: AppProcess): number => {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8');
      return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1024;
    };
    try {
      for (const process of [...own.apis, ...own.workers]) {
        expect(residentMb(process), process.name).toBeLessThan(MOST_MB);
        expect(residentMb(process), process.name).toBeGreaterThan(50);
      }
    } finally {
      await own.stop();
      await database.drop();
    }
  },
  SLOW,
);
