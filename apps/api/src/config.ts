import { parseSandboxHosts, type SandboxHosts } from '@emr-payments/outbound';
import { parseAllowHosts } from '@emr-payments/outbound/guard';
import {
  ConfigError,
  callerTracingVariables,
  checkRedisUrl,
  type DatabaseUrls,
  databaseVariables,
  drainMsVariable,
  type Keyring,
  keyringVariables,
  loadConfig,
  logLevelVariable,
  metricsTokenVariable,
  publicUrlVariable,
  readDatabaseUrls,
  readKeyring,
  readTracing,
  redisUrlVariable,
  sandboxHostsVariable,
  type TracingConfig,
  tracingVariables,
  unreadTracingVariables,
} from '@emr-payments/runtime';
import { type Static, Type } from '@sinclair/typebox';
import { trustedProxies } from './http/source.ts';

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
  HOST: Type.String({ default: '127.0.0.1', description: 'the address to listen on' }),
  PORT: Type.Integer({
    default: 3000,
    minimum: 0,
    maximum: 65535,
    description: 'the port to listen on; 0 takes a free one',
  }),
  LOG_LEVEL: logLevelVariable,
  ...tracingVariables,
  ...callerTracingVariables,
  DATABASE_ACCEPT_POOL_SIZE: Type.Integer({
    default: 4,
    minimum: 3,
    maximum: 100,
    description:
      'connections to PostgreSQL that only accept payments and look up credentials; two of them carry the accepted payments',
  }),
  DATABASE_POOL_SIZE: Type.Integer({
    default: 6,
    minimum: 4,
    maximum: 100,
    description:
      'connections to PostgreSQL for short reads and writes; the writes of one client get fewer than half of them',
  }),
  DATABASE_READ_POOL_SIZE: Type.Integer({
    default: 3,
    minimum: 3,
    maximum: 100,
    description:
      'connections to PostgreSQL for lists and reconciliations; one client gets fewer than half of them',
  }),
  READ_TIMEOUT_MS: Type.Integer({
    default: 3000,
    minimum: 100,
    maximum: 10_000,
    description:
      'milliseconds that a statement of a list or a reconciliation may take; then it is stopped and refused',
  }),
  RATE_LIMIT_CLIENT_PER_SECOND: Type.Integer({
    default: 1000,
    minimum: 0,
    maximum: 1_000_000,
    description: 'requests a second of one client, over all API processes; 0 is no limit',
  }),
  RATE_LIMIT_USER_PER_SECOND: Type.Integer({
    default: 200,
    minimum: 0,
    maximum: 1_000_000,
    description: 'requests a second for one user of a client, over all API processes; 0 is no limit',
  }),
  AUTH_FAILURES_PER_MINUTE: Type.Integer({
    default: 120,
    minimum: 0,
    maximum: 1_000_000,
    description:
      'failed authentications from one address, after which its requests are refused for the rest of the minute; 0 is no limit. Behind a proxy set TRUST_PROXY',
  }),
  TRUST_PROXY: Type.Optional(
    Type.String({
      description:
        'addresses or CIDR ranges of the proxies whose X-Forwarded-For is believed, separated by commas; none by default',
    }),
  ),
  HEALTH_PORT: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 65535,
      description:
        'a second port, for /health/… and /metrics; 0 takes a free one. Without it, /health/… is on PORT, and /metrics too if METRICS_TOKEN is set',
    }),
  ),
  PUBLIC_URL: publicUrlVariable,
  OPERATOR_API: Type.Union([Type.Literal('on'), Type.Literal('off')], {
    default: 'on',
    description:
      'on or off: the API of operators at /operator, which answers only keys that `emr-payments operator-key create` made. Keep the path from the internet at your proxy',
  }),
  METRICS_TOKEN: metricsTokenVariable,
  DRAIN_MS: drainMsVariable,
  STOP_GRACE_MS: Type.Integer({
    default: 15_000,
    minimum: 1000,
    maximum: 600_000,
    description: 'milliseconds that requests in flight may take to end after DRAIN_MS',
  }),
});

export type ApiConfig = Static<typeof environment> &
  DatabaseUrls & {
    keyring: Keyring;
    allowHosts: string[];
    sandboxHosts: SandboxHosts;
    trustProxy: string[] | undefined;
    tracing: TracingConfig | null;
    unreadTracing: readonly string[];
  };

/** @throws Error naming the variable that is wrong. */
export function readConfig(): ApiConfig {
  const config = loadConfig(environment, process.env);
  if (config.HEALTH_PORT !== undefined && config.HEALTH_PORT !== 0 && config.HEALTH_PORT === config.PORT) {
    throw new ConfigError('HEALTH_PORT is the same as PORT. Give it a port of its own.');
  }
  checkRedisUrl(config.REDIS_URL);
  const trustProxy = config.TRUST_PROXY?.split(',');
  trustedProxies(trustProxy ?? []);
  return {
    ...config,
    ...readDatabaseUrls(config),
    keyring: readKeyring(config),
    allowHosts: parseAllowHosts(config.WEBHOOK_ALLOW_HOSTS),
    sandboxHosts: parseSandboxHosts(config.SANDBOX_HOSTS),
    trustProxy,
    tracing: readTracing(config, parseSandboxHosts(config.TRACE_EMR_HOSTS, 'TRACE_EMR_HOSTS')),
    unreadTracing: unreadTracingVariables(process.env),
  };
}
