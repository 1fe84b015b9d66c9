import { loadConfig } from '@emr-payments/runtime';
import { type Static, Type } from '@sinclair/typebox';

const ConfigSchema = Type.Object({
  DATABASE_URL: Type.String({ minLength: 1, description: 'postgres://user:password@host:port/database' }),
  REDIS_URL: Type.Optional(
    Type.String({ description: 'redis://host:port; without it the queue runs on PostgreSQL' }),
  ),
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
