import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { migrate, openDatabase } from '@emr-payments/db';
import { parseKeyring } from '@emr-payments/runtime';
import { type AppName, type AppProcess, startApp } from './apps/app-process.ts';
import type { DemoState } from './demo/demo-state.ts';
import { seedDemo } from './demo/seed-demo.ts';
import type { DemoUser } from './demo/seed-practices.ts';
import { keepEncryptionKeys, keepWebhookSecret } from './keys.ts';
import { freePort as anyFreePort } from './ports.ts';
import { appAccess } from './postgres/app-access.ts';

/** Additional environment variables per app, such as `{ worker: { LOG_LEVEL: 'debug' } }`. */
export type AppSettings = Partial<Record<AppName, Readonly<Record<string, string>>>>;

/** Runs one step of the start. `pnpm dev` prints its name and duration. */
export type Step = <T>(name: string, work: () => Promise<T>) => Promise<T>;

export type StackOptions = {
  /** Holds logs, keys, the sandbox's ledger and the inbox. The same folder and database give the same stack again. */
  folder: string;
  /** A PostgreSQL database, which is migrated before anything starts; with a role that owns it and may create roles. */
  databaseUrl: string;
  /** The same database with the role that the service runs as, if that role exists already; `app` by default. */
  appUrl?: string | undefined;
  /** Without a URL, BullMQ runs on the database. */
  redisUrl?: string | undefined;
  /** The number of processes; 1 by default. */
  apis?: number;
  workers?: number;
  /** Ports of the first API, the sandbox and the inbox; any free port by default. */
  ports?: { api?: number; sandbox?: number; inbox?: number };
  /** Finds the other ports; tests have one that no other process of the tests takes from. */
  freePort?: () => Promise<number>;
  settings?: AppSettings;
  step?: Step;
};

export type Stack = {
  /** The base URL of the first API. */
  readonly apiUrl: string;
  readonly emrUrl: string;
  readonly fhirUrl: string;
  readonly inboxUrl: string;
  /** The database, as the role that the service runs as. */
  readonly databaseUrl: string;
  /** undefined when BullMQ runs on the database. */
  readonly redisUrl: string | undefined;
  readonly encryptionKeys: string;
  readonly webhookSecret: string;
  /** For api, worker and command line. */
  readonly sandboxHosts: string;
  readonly demo: DemoState & { users: readonly DemoUser[] };
  readonly sandbox: AppProcess;
  readonly inbox: AppProcess;
  readonly apis: readonly AppProcess[];
  readonly workers: readonly AppProcess[];
  addApi(): Promise<AppProcess>;
  addWorker(): Promise<AppProcess>;
  /** All processes, in the order of their start. */
  processes(): readonly AppProcess[];
  /**
   * Stops the APIs, then the workers, then the inbox and the sandbox, so that no process loses what it calls. Leaves
   * the database running.
   */
  stop(): Promise<void>;
};

const HOST = '127.0.0.1';
/** Everything on this machine is a sandbox: the demo's client is a test client. */
const SANDBOX_HOSTS = '127.0.0.1,localhost';

/**
 * Starts the whole service, as `buildApps` has made it, on a given database: runs the migrations, then starts sandbox, inbox, demo data, APIs
 * and workers, each app as a separate process. `pnpm dev`, the journey tests and the bench use it.
 *
 * @throws the error of the part that did not start, after stopping the parts that did.
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  const { folder, redisUrl, ports = {}, settings = {}, freePort = anyFreePort } = options;
  const app = options.appUrl === undefined ? appAccess(options.databaseUrl) : { url: options.appUrl };
  const databaseUrl = app.url;
  const step: Step = options.step ?? ((_name, work) => work());
  const logs = join(folder, 'logs');
  const state = join(folder, 'state');
  mkdirSync(logs, { recursive: true });
  mkdirSync(state, { recursive: true });
  const encryptionKeys = keepEncryptionKeys(join(folder, 'keys'));
  const webhookSecret = keepWebhookSecret(join(folder, 'webhook-secret'));
  const started: AppProcess[] = [];
  const counts = { api: 0, worker: 0 };

  const run = async (app: AppName, name: string, port: number, env: Record<string, string>) => {
    const process = await startApp({
      app,
      name,
      url: `http://${HOST}:${port}`,
      ...(env.HEALTH_PORT === undefined ? {} : { healthUrl: `http://${HOST}:${env.HEALTH_PORT}` }),
      logFile: join(logs, `${name}.log`),
      env: { ...env, ...settings[app] },
    });
    started.push(process);
    return process;
  };
  const stop = async (): Promise<void> => {
    for (const app of ['api', 'worker', 'webhook-inbox', 'emr-sandbox']) {
      await Promise.all(started.filter(({ name }) => name.startsWith(app)).map((process) => process.stop()));
    }
  };
  const service = {
    DATABASE_URL: databaseUrl,
    ENCRYPTION_KEYS: encryptionKeys,
    WEBHOOK_ALLOW_HOSTS: HOST,
    SANDBOX_HOSTS,
    HOST,
    // Nothing routes to these processes by their health, so nobody has to notice that one stops.
    DRAIN_MS: '0',
    ...(redisUrl === undefined ? {} : { REDIS_URL: redisUrl }),
  };
  const nameOf = (app: 'api' | 'worker'): string => {
    counts[app] += 1;
    return counts[app] === 1 ? app : `${app}-${counts[app]}`;
  };
  const addApi = async (port?: number): Promise<AppProcess> => {
    const own = port ?? (await freePort());
    const health = await freePort();
    return run('api', nameOf('api'), own, {
      ...service,
      PORT: String(own),
      HEALTH_PORT: String(health),
      PUBLIC_URL: `http://${HOST}:${own}`,
    });
  };
  const addWorker = async (): Promise<AppProcess> => {
    const port = await freePort();
    return run('worker', nameOf('worker'), port, { ...service, HEALTH_PORT: String(port) });
  };

  try {
    await step('migrations', () =>
      migrate({ url: options.databaseUrl, ...('role' in app ? { appRole: app.role } : {}) }),
    );
    const sandboxPort = ports.sandbox ?? (await freePort());
    const inboxPort = ports.inbox ?? (await freePort());
    const sandbox = await step('EMR sandbox', () =>
      run('emr-sandbox', 'emr-sandbox', sandboxPort, {
        HOST,
        PORT: String(sandboxPort),
        LEDGER_FILE: join(state, 'emr-ledger.jsonl'),
        // A payment that an EMR posts later can be seen to be `submitted` for a moment.
        LATER_MS: '1500',
      }),
    );
    const inbox = await step('webhook inbox', () =>
      run('webhook-inbox', 'webhook-inbox', inboxPort, {
        HOST,
        PORT: String(inboxPort),
        INBOX_FILE: join(state, 'inbox.jsonl'),
        WEBHOOK_SECRETS: webhookSecret,
      }),
    );
    const fhirUrl = `${sandbox.url}/fhir`;
    const demo = await step('demo data', async () => {
      const database = openDatabase({ url: databaseUrl, poolSize: 2, applicationName: 'emr-payments-seed' });
      try {
        return await seedDemo(
          { database, keyring: parseKeyring(encryptionKeys) },
          {
            stateFile: join(folder, 'demo.json'),
            sandboxUrl: sandbox.url,
            webhookUrl: `${inbox.url}/webhooks`,
            returnUrl: `${inbox.url}/`,
            webhookSecret,
            timeZone: 'America/New_York',
          },
        );
      } finally {
        await database.close();
      }
    });
    await step('API and worker', async () => {
      await addApi(ports.api);
      for (let n = 1; n < (options.apis ?? 1); n += 1) await addApi();
      for (let n = 0; n < (options.workers ?? 1); n += 1) await addWorker();
    });
    const named = (app: string) => started.filter(({ name }) => name === app || name.startsWith(`${app}-`));
    return {
      apiUrl: named('api')[0]?.url ?? '',
      emrUrl: sandbox.url,
      fhirUrl,
      inboxUrl: inbox.url,
      databaseUrl,
      redisUrl,
      encryptionKeys,
      webhookSecret,
      sandboxHosts: SANDBOX_HOSTS,
      demo,
      sandbox,
      inbox,
      get apis() {
        return named('api');
      },
      get workers() {
        return named('worker');
      },
      addApi: () => addApi(),
      addWorker,
      processes: () => started,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
