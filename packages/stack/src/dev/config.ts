import { loadConfig } from '@emr-payments/runtime';
import { type Static, Type } from '@sinclair/typebox';

const port = (what: string) =>
  Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 65535,
      description: `the port of ${what} on 127.0.0.1; 0 takes a free one`,
    }),
  );

const DevConfigSchema = Type.Object({
  API_PORT: port('the API'),
  SANDBOX_PORT: port('the EMR sandbox'),
  INBOX_PORT: port('the webhook inbox'),
  POSTGRES_PORT: port('the embedded PostgreSQL'),
  REDIS_URL: Type.Optional(
    Type.String({
      pattern: '^rediss?://',
      description: 'a Redis for the queue, as redis://host:port; without it the queue runs on PostgreSQL',
    }),
  ),
  LOCAL_FOLDER: Type.Optional(
    Type.String({ description: 'where data, logs and stack.json go; .local in the checkout without it' }),
  ),
  LOG_LEVEL: Type.Unsafe<'debug' | 'info' | 'warn' | 'error' | 'silent'>(
    Type.String({
      default: 'info',
      pattern: '^(debug|info|warn|error|silent)$',
      description: 'debug, info, warn, error or silent',
    }),
  ),
});

export type DevConfig = Static<typeof DevConfigSchema>;

/** @throws ConfigError naming the variable that is wrong. */
export const readDevConfig = (): DevConfig => loadConfig(DevConfigSchema, process.env);
