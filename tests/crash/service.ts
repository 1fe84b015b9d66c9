import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openDatabase } from '@emr-payments/db';
import { parseKeyring } from '@emr-payments/runtime';
import type { AppProcess } from '@emr-payments/stack';
import { makePractices, type Practice } from './practices.ts';
import { HOST, nthName, type Processes, type ProcessName } from './processes.ts';
import type { Capability } from './records.ts';
import { TIMING } from './timing.ts';

export type ServiceOptions = {
  /** The folder for logs and the records of the EMRs and the receiver. */
  folder: string;
  /** The migrated database, as the owner of its tables. */
  ownerUrl: string;
  /** The same for the service. */
  databaseUrl: string;
  /** null when the queue is on the database. */
  redisUrl: string | null;
  capabilities: readonly Capability[];
  /** Adapters of the practices; empty with capabilities. */
  adapters: readonly string[];
  seed: number;
  apis: number;
  workers: number;
  /** Additional variables of every API and worker, and of the workers. */
  env: Readonly<Record<string, string>>;
  workerEnv: Readonly<Record<string, string>>;
};

/** The service with its far ends: real processes, each of which can be killed. */
export type Service = {
  readonly apis: readonly AppProcess[];
  readonly workers: readonly AppProcess[];
  readonly practices: readonly Practice[];
  /** The fault scripts of the sandbox strike only such requests. */
  readonly struck: { resource?: string };
  readonly receivedFile: string;
  /** The ledger of the foreign EMR; missing when it does not run. */
  readonly foreignFile: string;
  process(name: ProcessName): AppProcess;
  /** Reads the logs of all workers. */
  workerLogs(): string;
};

const newSecret = () => randomBytes(32).toString('base64');

/** Starts the EMRs, the receiver, the APIs and the workers on engines that run. The caller ends the processes. */
export async function startService(
  { processes }: { processes: Processes },
  options: ServiceOptions,
): Promise<Service> {
  const { folder, adapters, capabilities } = options;
  const keys = `crash:${newSecret()}`;
  const webhookSecret = `whsec_${newSecret()}`;
  const receivedFile = join(folder, 'received.jsonl');
  const sandbox = await processes.run('sandbox', {
    app: 'emr-sandbox',
    portVariable: 'PORT',
    env: { LEDGER_FILE: join(folder, 'ledger.jsonl'), LOG_LEVEL: 'warn', LATER_MS: String(TIMING.laterMs) },
  });
  const foreignFile = join(folder, 'foreign.jsonl');
  const foreign = capabilities.includes('foreign')
    ? await processes.run('foreign', {
        app: 'emr-sandbox',
        entry: join(import.meta.dirname, 'foreign', 'main.ts'),
        portVariable: 'PORT',
        env: { LEDGER_FILE: foreignFile, SEED: String(options.seed) },
      })
    : null;
  const receiver = await processes.run('receiver', {
    app: 'webhook-inbox',
    entry: join(import.meta.dirname, 'receiver.ts'),
    portVariable: 'PORT',
    env: { RECEIVED_FILE: receivedFile, WEBHOOK_SECRET: webhookSecret },
  });
  const database = openDatabase({ url: options.ownerUrl, poolSize: 2, applicationName: 'crash suite' });
  const practices = await makePractices(
    { database, keyring: parseKeyring(keys) },
    {
      sandboxUrl: sandbox.url,
      foreignUrl: foreign?.url ?? null,
      receiverUrl: receiver.url,
      webhookSecret,
      capabilities,
      adapters,
    },
  ).finally(() => database.close());

  const env = {
    DATABASE_URL: options.databaseUrl,
    ...(options.redisUrl === null ? {} : { REDIS_URL: options.redisUrl }),
    ENCRYPTION_KEYS: keys,
    WEBHOOK_ALLOW_HOSTS: HOST,
    LOG_LEVEL: 'warn',
    ...options.env,
  };
  const apis: AppProcess[] = [];
  while (apis.length < options.apis)
    apis.push(
      await processes.run(nthName('api', apis.length + 1), {
        app: 'api',
        portVariable: 'PORT',
        withHealthPort: true,
        env,
      }),
    );
  const workers: AppProcess[] = [];
  while (workers.length < options.workers)
    workers.push(
      await processes.run(nthName('worker', workers.length + 1), {
        app: 'worker',
        portVariable: 'HEALTH_PORT',
        env: { ...env, ...options.workerEnv },
      }),
    );

  return {
    apis,
    workers,
    practices,
    // The postings of FHIR R5; every request of the other dialects, token calls included.
    struck: adapters.length === 0 ? { resource: 'PaymentReconciliation' } : {},
    receivedFile,
    foreignFile,
    process: (name) => processes.get(name),
    workerLogs: () =>
      workers
        .map(({ logFile }) => logFile)
        .filter((file) => existsSync(file))
        .map((file) => readFileSync(file, 'utf8'))
        .join(''),
  };
}
