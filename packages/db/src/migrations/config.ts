import { databaseUrlVariable, loadConfig } from '@emr-payments/runtime';
import { Type } from '@sinclair/typebox';

export const environment = Type.Object({ DATABASE_URL: databaseUrlVariable });

/** Reads the URL for `pnpm migrate`, the only program of this package. @throws ConfigError */
export const databaseUrlFromEnvironment = (): string => loadConfig(environment, process.env).DATABASE_URL;
