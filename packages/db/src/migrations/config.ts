import { databaseVariables, loadConfig, readDatabaseUrls } from '@emr-payments/runtime';
import { Type } from '@sinclair/typebox';

export const environment = Type.Object({
  ...databaseVariables,
  APP_ROLE: Type.Optional(
    Type.String({
      pattern: '^[a-z_][a-z0-9_]{0,62}$',
      description:
        'the role that API, worker and command line connect as: it is created if it is missing, and may then use the tables and change no structure',
    }),
  ),
  APP_PASSWORD: Type.Optional(
    Type.String({
      secret: true,
      minLength: 1,
      description: 'the password that APP_ROLE gets; without it, its password stays',
    }),
  ),
  MIGRATION_LOCK_WAIT_MS: Type.Integer({
    minimum: 0,
    maximum: 86_400_000,
    default: 300_000,
    description:
      'for so long in all a migration tries to get its locks, in ms; each try waits for 0.4 s, and payments go on between them',
  }),
});

/** The configuration of `pnpm migrate`, the only program of this package. @throws ConfigError */
export function readConfig() {
  const env = loadConfig(environment, process.env);
  const variable = env.DATABASE_DIRECT_URL === undefined ? 'DATABASE_URL' : 'DATABASE_DIRECT_URL';
  return { ...env, variable, url: readDatabaseUrls(env).directUrl };
}
