import { join } from 'node:path';
import { type Child, startChild } from '../child.ts';
import type { Environment } from '../machine/environment.ts';
import type { Service } from '../service/open-service.ts';
import { type BenchTenant, createTenants } from '../service/tenants.ts';
import type { UsualApiCommands } from './api.ts';
import type { UsualWorkerCommands } from './worker.ts';

/** Nearly one connection per concurrent job, so that transactions wait for the database and not for each other. */
const POOL_SIZE = 20;
const CONCURRENCY = 16;

export type UsualWay = { url: string; tenants: BenchTenant[]; close(): Promise<void> };

/**
 * Starts the usual way's API, and on request its worker, beside our service. Both use the same sandbox and receiver.
 * The usual way has its own database with the same number of tenants, so that neither worker finds the other's work.
 *
 * @returns null without Redis, because the usual way has no other queue.
 */
export async function openUsualWay(
  environment: Environment,
  { service, worker: withWorker }: { service: Service; worker: boolean },
): Promise<UsualWay | null> {
  const { redis, folder } = environment;
  if (redis === undefined) return null;
  const name = 'usual_way';
  const databaseUrl = await environment.newDatabase(name);
  const { fhirUrl, webhookSecret, encryptionKeys } = service.stack;
  const tenants = await createTenants(
    { databaseUrl, encryptionKeys },
    {
      count: service.tenants.length,
      fhirUrl: () => fhirUrl,
      webhookUrl: () => `${service.receiverUrl}/webhooks`,
      webhookSecret,
      postingCap: CONCURRENCY,
      deliveryCap: CONCURRENCY,
    },
  );
  const file = (part: string) => join(import.meta.dirname, `${part}.ts`);
  const log = { logFile: join(folder, 'usual-way.log') };
  const common = { databaseUrl, redisUrl: redis.url, poolSize: POOL_SIZE };
  const api = startChild<UsualApiCommands>(file('api'), log);
  const { url } = await api.call('listen', common);
  let worker: Child<UsualWorkerCommands> | null = null;
  if (withWorker) {
    worker = startChild<UsualWorkerCommands>(file('worker'), log);
    await worker.call('start', { ...common, fhirUrl, webhookSecret, concurrency: CONCURRENCY });
  }
  return {
    url,
    tenants,
    async close() {
      await api.stop();
      await worker?.stop();
      await environment.dropDatabase(name);
    },
  };
}
