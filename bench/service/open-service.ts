import { join } from 'node:path';
import { type Stack, type StackOptions, startStack } from '@emr-payments/stack';
import { type Child, startChild } from '../child.ts';
import type { LoadCommands, LoadOrder, LoadSummary } from '../load/main.ts';
import type { Target, Tenant } from '../load/requests.ts';
import type { Environment } from '../machine/environment.ts';
import type { ReceiverCommands } from '../receiver/main.ts';
import { type BenchTenant, createTenants, type TenantPlan } from './tenants.ts';

/** The whole service as it is run in production, with a receiver and a load generator of the bench's own. */
export type Service = {
  stack: Stack;
  databaseUrl: string;
  tenants: BenchTenant[];
  receiver: Child<ReceiverCommands>;
  receiverUrl: string;
  load(
    order: Omit<LoadOrder, 'target'> & { url?: string; tenants?: readonly Tenant[] },
  ): Promise<LoadSummary>;
  close(): Promise<void>;
};

export type ServiceOptions = {
  /** Of its database; a part opens one service at a time under one name. */
  name: string;
  workers: number;
  tenants: Omit<TenantPlan, 'fhirUrl' | 'webhookUrl' | 'webhookSecret'> & {
    /** The tenants whose EMR, or whose endpoint, takes requests and never answers. */
    hanging?: { emr: number; endpoint: number };
  };
  settings?: StackOptions['settings'];
};

export function targetOf(url: string, tenants: readonly Tenant[]): Target {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port), tenants };
}

/** The rate limiter stays in the way of each request, and lets all of them through. */
const OPEN_GATES = { RATE_LIMIT_CLIENT_PER_SECOND: '1000000', RATE_LIMIT_USER_PER_SECOND: '1000000' };

/** Starts everything from source on a new database. The workers start after the tenants are there. */
export async function openService(environment: Environment, options: ServiceOptions): Promise<Service> {
  const { name, workers, settings } = options;
  await environment.redis?.flush();
  const databaseUrl = await environment.newDatabase(name);
  const stack = await startStack({
    folder: join(environment.folder, name),
    databaseUrl,
    redisUrl: environment.redis?.url,
    workers: 0,
    settings: { ...settings, api: { ...OPEN_GATES, ...settings?.api } },
  });
  const receiver = startChild<ReceiverCommands>(join(import.meta.dirname, '..', 'receiver', 'main.ts'));
  const generator = startChild<LoadCommands>(join(import.meta.dirname, '..', 'load', 'main.ts'));
  const { url: receiverUrl } = await receiver.call('listen', { secret: stack.webhookSecret });
  const { hanging } = options.tenants;
  const tenants = await createTenants(
    { databaseUrl, encryptionKeys: stack.encryptionKeys },
    {
      ...options.tenants,
      fhirUrl: (n) => (n === hanging?.emr ? `${receiverUrl}/hang` : stack.fhirUrl),
      webhookUrl: (n) => `${receiverUrl}/${n === hanging?.endpoint ? 'hang' : 'webhooks'}`,
      webhookSecret: stack.webhookSecret,
    },
  );
  for (let n = 0; n < workers; n += 1) await stack.addWorker();
  return {
    stack,
    databaseUrl,
    tenants,
    receiver,
    receiverUrl,
    load: ({ url = stack.apiUrl, tenants: some = tenants, ...order }) =>
      generator.call('run', { ...order, target: targetOf(url, some) }),
    async close() {
      await generator.stop();
      await stack.stop();
      await receiver.stop();
      await environment.dropDatabase(name);
    },
  };
}
