import { databaseUrlVariable, loadConfig } from '@emr-payments/runtime';
import { Type } from '@sinclair/typebox';

export const environment = Type.Object({ DATABASE_URL: databaseUrlVariable });

/** For the command `pnpm migrate`, the only program in this package. @throws ConfigError naming the variable that is wrong. */
export const databaseUrlFromEnvironment = (): string => loadConfig(environment, process.env).DATABASE_URL;
