import { checkRedisUrl, loadConfig, logLevelVariable, redisUrlVariable } from '@emr-payments/runtime';
import { type Static, Type } from '@sinclair/typebox';

const port = (what: string) =>
  Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 65535,
      description: `the port of ${what} on 127.0.0.1; 0 takes a free one`,
    }),
  );

export const environment = Type.Object({
  API_PORT: port('the API'),
  SANDBOX_PORT: port('the EMR sandbox'),
  INBOX_PORT: port('the webhook inbox'),
  POSTGRES_PORT: port('the embedded PostgreSQL'),
  REDIS_URL: redisUrlVariable,
  LOCAL_FOLDER: Type.Optional(
    Type.String({
      description: 'the folder for data, logs and stack.json; without it, .local in the checkout',
    }),
  ),
  LOG_LEVEL: logLevelVariable,
});

export type DevConfig = Static<typeof environment>;

/** @throws ConfigError naming the variable that is wrong. */
export function readConfig(): DevConfig {
  const config = loadConfig(environment, process.env);
  checkRedisUrl(config.REDIS_URL);
  return config;
}
