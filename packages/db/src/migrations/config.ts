import { databaseUrlVariable, loadConfig } from '@emr-payments/runtime';
import { Type } from '@sinclair/typebox';

export const environment = Type.Object({ DATABASE_URL: databaseUrlVariable });

/** The configuration of `pnpm migrate`, the only program of this package. @throws ConfigError */
export const readConfig = () => loadConfig(environment, process.env);
