import { parseSandboxHosts, type SandboxHosts } from '@emr-payments/outbound';
import { parseAllowHosts } from '@emr-payments/outbound/guard';
import {
  checkRedisUrl,
  type DatabaseUrls,
  databaseVariables,
  drainMsVariable,
  type Keyring,
  keyringVariables,
  type LogLevel,
  loadConfig,
  logLevelVariable,
  metricsTokenVariable,
  readDatabaseUrls,
  readKeyring,
  readTracing,
  redisUrlVariable,
  sandboxHostsVariable,
  type TracingConfig,
  tracingVariables,
  unreadTracingVariables,
} from '@emr-payments/runtime';
import { Type } from '@sinclair/typebox';

export const environment = Type.Object({
  ...databaseVariables,
  REDIS_URL: redisUrlVariable,
  ...keyringVariables,
  WEBHOOK_ALLOW_HOSTS: Type.String({
    default: '',
    description:
      'hosts or CIDRs, separated by commas, that webhooks may reach although they are private or without TLS; set it to the same value for api and worker',
  }),
  SANDBOX_HOSTS: sandboxHostsVariable,
  POSTING_CONCURRENCY: Type.Integer({
    default: 128,
    minimum: 1,
    maximum: 1000,
    description:
      'postings at once in this process; one that has waited a second for its EMR does not count, up to three times as many',
  }),
  DELIVERY_CONCURRENCY: Type.Integer({
    default: 256,
    minimum: 1,
    maximum: 2000,
    description:
      'deliveries at once in this process; one that has waited a second for its receiver does not count, up to three times as many',
  }),
  DATABASE_POOL_SIZE: Type.Integer({
    default: 8,
    minimum: 2,
    maximum: 100,
    description: 'connections to PostgreSQL',
  }),
  LEASE_MS: Type.Integer({
    default: 10_000,
    minimum: 1_000,
    maximum: 300_000,
    description: 'milliseconds after which another process takes over the work of one that has gone silent',
  }),
  RETRY_HORIZON_HOURS: Type.Number({
    default: 24,
    exclusiveMinimum: 0,
    maximum: 240,
    description: 'hours for which a payment is tried before it fails or needs a review',
  }),
  EVENT_RETENTION_DAYS: Type.Integer({
    default: 30,
    minimum: 4,
    maximum: 3650,
    description: 'days for which events are kept with their deliveries; the longest delivery takes three',
  }),
  PARTITION_DAYS: Type.Integer({
    default: 28,
    minimum: 1,
    maximum: 100,
    description:
      'days of a partition that is made from now on; events are dropped, and payments archived, by whole partitions',
  }),
  HOST: Type.String({ default: '127.0.0.1', description: 'the address that the health server listens on' }),
  HEALTH_PORT: Type.Integer({
    default: 3001,
    minimum: 0,
    maximum: 65535,
    description: 'the port of the health server; 0 takes a free one',
  }),
  METRICS_TOKEN: metricsTokenVariable,
  DRAIN_MS: drainMsVariable,
  LOG_LEVEL: logLevelVariable,
  ...tracingVariables,
});

export type WorkerConfig = DatabaseUrls & {
  redisUrl: string | undefined;
  keyring: Keyring;
  allowHosts: string[];
  sandboxHosts: SandboxHosts;
  postingConcurrency: number;
  deliveryConcurrency: number;
  poolSize: number;
  leaseMs: number;
  horizonMs: number;
  eventRetentionDays: number;
  partitionDays: number;
  host: string;
  healthPort: number;
  metricsToken: string | undefined;
  drainMs: number;
  logLevel: LogLevel;
  /** Absent: there are no traces. */
  tracing?: TracingConfig | null;
  unreadTracing?: readonly string[];
};

/** @throws ConfigError, TypeError naming the first variable that is missing or wrong. */
export function readConfig(): WorkerConfig {
  const env = loadConfig(environment, process.env);
  return {
    ...readDatabaseUrls(env),
    redisUrl: checkRedisUrl(env.REDIS_URL),
    keyring: readKeyring(env),
    allowHosts: parseAllowHosts(env.WEBHOOK_ALLOW_HOSTS),
    sandboxHosts: parseSandboxHosts(env.SANDBOX_HOSTS),
    postingConcurrency: env.POSTING_CONCURRENCY,
    deliveryConcurrency: env.DELIVERY_CONCURRENCY,
    poolSize: env.DATABASE_POOL_SIZE,
    leaseMs: env.LEASE_MS,
    horizonMs: env.RETRY_HORIZON_HOURS * 3_600_000,
    eventRetentionDays: env.EVENT_RETENTION_DAYS,
    partitionDays: env.PARTITION_DAYS,
    host: env.HOST,
    healthPort: env.HEALTH_PORT,
    metricsToken: env.METRICS_TOKEN,
    drainMs: env.DRAIN_MS,
    logLevel: env.LOG_LEVEL,
    tracing: readTracing(env, parseSandboxHosts(env.TRACE_EMR_HOSTS, 'TRACE_EMR_HOSTS')),
    unreadTracing: unreadTracingVariables(process.env),
  };
}
