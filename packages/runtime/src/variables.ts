import { Type } from '@sinclair/typebox';
import type { LogLevel } from './logger.ts';

// The variables that several processes read, described once. A config.ts puts them into its `environment` by their name.
// `secret: true` marks what holds a secret: `loadConfig` takes it from a file as well.

export const databaseUrlVariable = Type.String({
  secret: true,
  pattern: '^postgres(ql)?://',
  description:
    'the PostgreSQL to use, as postgres://user:password@host:port/database; several hosts are separated by commas (docs/postgresql.md)',
});

export const redisUrlVariable = Type.Optional(
  Type.String({
    secret: true,
    pattern: '^rediss?(\\+sentinel|\\+cluster)?://',
    description:
      'the Redis that BullMQ runs on: redis://host:port, redis+sentinel://host:port,host:port/name or redis+cluster://host:port,host:port; rediss in place of redis for TLS; without it, BullMQ runs on PostgreSQL',
  }),
);

export const publicUrlVariable = Type.Optional(
  Type.String({
    pattern: '^(https://[^/?#@]|http://(localhost|127\\.0\\.0\\.1|\\[::1\\])(:|/|$))[^?#@]*$',
    description:
      'the address by which others reach the API, such as https://payments.example.com: it is the beginning of the addresses for the notices of EMRs, and of the links by which practices connect themselves. Without it the API has no connect page',
  }),
);

export const sandboxHostsVariable = Type.String({
  default: '',
  description:
    'the hosts of EMR sandboxes: hosts, host:port or CIDRs, separated by commas. Users of test clients connect to these only, users of live clients to none of them; set it to the same value for api, worker and command line',
});

export const drainMsVariable = Type.Integer({
  default: 5_000,
  minimum: 0,
  maximum: 120_000,
  description:
    'milliseconds after SIGTERM for which /health/ready answers `stopping` before the port is closed; longer than a load balancer needs to notice it',
});

export const metricsTokenVariable = Type.Optional(
  Type.String({
    secret: true,
    pattern: '^[A-Za-z0-9._~+/=-]{16,}$',
    description:
      'the bearer token that /metrics wants, 16 characters or more. Without it, /metrics is on the health port only and wants none',
  }),
);

export const logLevelVariable = Type.Unsafe<LogLevel>(
  Type.String({
    default: 'info',
    pattern: '^(debug|info|warn|error|silent)$',
    description: 'debug, info, warn, error or silent',
  }),
);
