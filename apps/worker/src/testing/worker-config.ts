import { parseSandboxHosts } from '@emr-payments/outbound';
import type { Keyring } from '@emr-payments/runtime';
import type { WorkerConfig } from '../config.ts';

/** The configuration of a worker that runs in the process of a test, with its queue on PostgreSQL. */
export function testWorkerConfig(
  { url, keyring }: { url: string; keyring: Keyring },
  change: Partial<WorkerConfig> = {},
): WorkerConfig {
  return {
    databaseUrl: url,
    directUrl: url,
    redisUrl: undefined,
    keyring,
    allowHosts: [],
    sandboxHosts: parseSandboxHosts(''),
    postingConcurrency: 4,
    deliveryConcurrency: 4,
    poolSize: 4,
    leaseMs: 60_000,
    horizonMs: 3_600_000,
    eventRetentionDays: 30,
    partitionDays: 28,
    host: '127.0.0.1',
    healthPort: 0,
    metricsToken: undefined,
    drainMs: 0,
    logLevel: 'silent',
    ...change,
  };
}
