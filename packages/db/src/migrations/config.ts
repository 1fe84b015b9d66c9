import { loadConfig } from '@emr-payments/runtime';
import { Type } from '@sinclair/typebox';

const schema = Type.Object({
  DATABASE_URL: Type.String({
    pattern: '^postgres(ql)?://',
    description: 'the PostgreSQL to use, as postgres://user:password@host:port/database',
  }),
});

/** For the command `pnpm migrate`, the only program that this package has. @throws ConfigError */
export function databaseUrlFromEnvironment(): string {
  return loadConfig(schema, process.env).DATABASE_URL;
}
