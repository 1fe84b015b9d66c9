import { loadConfig } from '@emr-payments/runtime';
import { type Static, Type } from '@sinclair/typebox';

const url = (what: string) =>
  Type.String({ pattern: '^https?://', description: `${what}, as http://host:port` });

const SeedConfigSchema = Type.Object({
  DATABASE_URL: Type.String({
    pattern: '^postgres(ql)?://',
    description: 'the PostgreSQL to use, as postgres://user:password@host:port/database',
  }),
  DEMO_FOLDER: Type.String({
    default: '/demo',
    description: 'a folder that is kept: the encryption keys and the demo client stand there',
  }),
  SANDBOX_URL: url('the EMR sandbox, as the worker reaches it'),
  INBOX_URL: url('the webhook inbox, as the worker reaches it'),
  PUBLIC_API_URL: url('the API, as a person at this machine reaches it'),
});

export type SeedConfig = Static<typeof SeedConfigSchema>;

/** @throws ConfigError naming the variable that is wrong. */
export const readSeedConfig = (): SeedConfig => loadConfig(SeedConfigSchema, process.env);
