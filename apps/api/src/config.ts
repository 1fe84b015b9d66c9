import { keyringVariables, loadConfig } from '@emr-payments/runtime';
import { type Static, Type } from '@sinclair/typebox';

const ConfigSchema = Type.Object({
  DATABASE_URL: Type.String({ minLength: 1, description: 'postgres://user:password@host:port/database' }),
  REDIS_URL: Type.Optional(
    Type.String({ description: 'redis://host:port; without it the queue runs on PostgreSQL' }),
  ),
  ...keyringVariables,
  WEBHOOK_ALLOW_HOSTS: Type.String({
    default: '',
    description:
      'hosts or CIDRs, separated by commas, that webhooks may reach although they are private or without TLS; the same as the worker has',
  }),
  HOST: Type.String({ default: '127.0.0.1', description: 'the address to listen on' }),
  PORT: Type.Integer({
    default: 3000,
    minimum: 0,
    maximum: 65535,
    description: 'the port to listen on; 0 takes a free one',
  }),
  LOG_LEVEL: Type.Unsafe<'debug' | 'info' | 'warn' | 'error' | 'silent'>(
    Type.String({
      default: 'info',
      pattern: '^(debug|info|warn|error|silent)$',
      description: 'debug … silent',
    }),
  ),
  DATABASE_POOL_SIZE: Type.Integer({
    default: 6,
    minimum: 2,
    maximum: 100,
    description:
      'connections to PostgreSQL; two of them carry the accepted payments, the others look up credentials',
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
      'failed authentications from one address, after which it is not looked at for the rest of the minute; 0 is no limit. Behind a proxy set TRUST_PROXY',
  }),
  TRUST_PROXY: Type.Optional(
    Type.String({
      pattern: '^[0-9a-fA-F:./]+(,[0-9a-fA-F:./]+)*$',
      description:
        'addresses or CIDR ranges of the proxies whose X-Forwarded-For is believed, separated by commas; none by default',
    }),
  ),
  STOP_GRACE_MS: Type.Integer({
    default: 15_000,
    minimum: 1000,
    description: 'how long requests in flight may take to end when the process is told to stop',
  }),
});

export type ApiConfig = Static<typeof ConfigSchema>;

/** The API's configuration, read from the environment. @throws ConfigError naming the variable that is wrong. */
export const readConfig = (): ApiConfig => loadConfig(ConfigSchema, process.env);
