import { loadConfig } from '@emr-payments/runtime';
import { Type } from '@sinclair/typebox';

const schema = Type.Object({
  DATABASE_URL: Type.String({
    pattern: '^postgres(ql)?://',
    description: 'the PostgreSQL to use, as postgres://user:password@host:port/database',
  }),
});

/** Reads the URL for `pnpm migrate`, the only program of this package. @throws ConfigError */
export function databaseUrlFromEnvironment(): string {
  return loadConfig(schema, process.env).DATABASE_URL;
}
