import { databaseUrlVariable, loadConfig } from '@emr-payments/runtime';
import { type Static, Type } from '@sinclair/typebox';

const url = (what: string) =>
  Type.String({ pattern: '^https?://', description: `${what}, as http://host:port` });

export const environment = Type.Object({
  DATABASE_URL: databaseUrlVariable,
  DEMO_FOLDER: Type.String({
    default: '/demo',
    description: 'a folder that survives a restart: it holds the encryption keys and the demo client',
  }),
  SANDBOX_URL: url('the EMR sandbox, as the worker reaches it'),
  INBOX_URL: url('the webhook inbox, as the worker reaches it'),
  PUBLIC_API_URL: url('the API, as a person at this machine reaches it'),
});

export type SeedConfig = Static<typeof environment>;

/** @throws ConfigError naming the variable that is wrong. */
export const readConfig = (): SeedConfig => loadConfig(environment, process.env);
