import { join } from 'node:path';
import { type Stack, type StackOptions, startStack } from '@emr-payments/stack';
import { type Child, startChild } from '../child.ts';
import type { LoadCommands, LoadOrder, LoadSummary } from '../load/main.ts';
import type { Target, Tenant } from '../load/requests.ts';
import { withClient } from '../machine/ask.ts';
import type { Environment } from '../machine/environment.ts';
import type { ReceiverCommands } from '../receiver/main.ts';
import { type BenchTenant, createTenants, type TenantPlan } from './tenants.ts';

/** The whole service as in production, with the bench's receiver and load generator. */
export type Service = {
  stack: Stack;
  databaseUrl: string;
  tenants: BenchTenant[];
  receiver: Child<ReceiverCommands>;
  receiverUrl: string;
  /** Process id of the load generator. */
  generatorPid: number;
  load(
    order: Omit<LoadOrder, 'target'> & { url?: string; tenants?: readonly Tenant[] },
  ): Promise<LoadSummary>;
  close(): Promise<void>;
};

export type ServiceOptions = {
  /** The name of its database. Two services that are open at the same time need different names. */
  name: string;
  workers: number;
  tenants: Omit<TenantPlan, 'fhirUrl' | 'webhookUrl' | 'webhookSecret'> & {
    /** The numbers of the tenants whose EMR, or whose endpoint, accepts requests and never answers. */
    hanging?: { emr: number; endpoint: number };
    /** Far ends in place of the sandbox and the receiver, by the number of the tenant. */
    elsewhere?: (tenant: number) => { fhirUrl?: string; webhookUrl?: string };
  };
  settings?: StackOptions['settings'];
};

export function targetOf(url: string, tenants: readonly Tenant[]): Target {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port), tenants };
}

/** Limits so high that the rate limiter, which still counts every request, refuses none. */
const OPEN_GATES = { RATE_LIMIT_CLIENT_PER_SECOND: '1000000', RATE_LIMIT_USER_PER_SECOND: '1000000' };

const SHARED = 'shared';

async function startOwn(
  environment: Environment,
  { name, settings }: Pick<ServiceOptions, 'name' | 'settings'>,
): Promise<Stack> {
  return startStack({
    folder: join(environment.folder, name),
    databaseUrl: await environment.newDatabase(name),
    redisUrl: environment.redis?.url,
    workers: 0,
    settings: { ...settings, api: { ...OPEN_GATES, ...settings?.api } },
  });
}

/** Starts a service with a worker that the parts of this environment use in turn from now on. `shared.stop` ends it. */
export async function shareService(environment: Environment): Promise<void> {
  environment.shared = await startOwn(environment, { name: SHARED });
  await environment.shared.addWorker();
}

const WORK = [
  'jobs',
  'idempotency_keys',
  'delivery_attempts',
  'deliveries',
  'events',
  'posting_attempts',
  'payments',
];

/** Removes what one part has left in a shared service: work, and faults of the sandbox. The next part has tenants of its own. */
async function leaveEmpty(databaseUrl: string, { emrUrl }: Stack): Promise<void> {
  await fetch(`${emrUrl}/sandbox/faults`, { method: 'DELETE' });
  await withClient(databaseUrl, async (client) => {
    // One table at a time: with the locks of two it would deadlock with the worker.
    for (const table of WORK) await client.query(`TRUNCATE ${table}`);
    await client.query('DELETE FROM recoveries');
  });
}

/**
 * Starts the service from source on a new database, or takes the shared one. The workers of a new one start after the tenants have been
 * created.
 */
export async function openService(environment: Environment, options: ServiceOptions): Promise<Service> {
  const { name, workers } = options;
  await environment.redis?.flush();
  const shared = options.settings === undefined ? environment.shared : undefined;
  const databaseUrl = environment.postgres.urlOf(shared === undefined ? name : SHARED);
  const stack = shared ?? (await startOwn(environment, options));
  const receiver = startChild<ReceiverCommands>(join(import.meta.dirname, '..', 'receiver', 'main.ts'));
  const generator = startChild<LoadCommands>(join(import.meta.dirname, '..', 'load', 'main.ts'));
  const { url: receiverUrl } = await receiver.call('listen', { secret: stack.webhookSecret });
  const { hanging, elsewhere } = options.tenants;
  const tenants = await createTenants(
    { databaseUrl, encryptionKeys: stack.encryptionKeys },
    {
      ...options.tenants,
      fhirUrl: (n) => elsewhere?.(n).fhirUrl ?? (n === hanging?.emr ? `${receiverUrl}/hang` : stack.fhirUrl),
      webhookUrl: (n) =>
        elsewhere?.(n).webhookUrl ?? `${receiverUrl}/${n === hanging?.endpoint ? 'hang' : 'webhooks'}`,
      webhookSecret: stack.webhookSecret,
    },
  );
  for (let n = stack.workers.length; n < workers; n += 1) await stack.addWorker();
  return {
    stack,
    databaseUrl,
    tenants,
    receiver,
    receiverUrl,
    generatorPid: generator.pid,
    load: ({ url = stack.apiUrl, tenants: some = tenants, ...order }) =>
      generator.call('run', { ...order, target: targetOf(url, some) }),
    async close() {
      await generator.stop();
      if (shared === undefined) await stack.stop();
      await receiver.stop();
      if (shared === undefined) await environment.dropDatabase(name);
      else await leaveEmpty(databaseUrl, shared);
    },
  };
}
