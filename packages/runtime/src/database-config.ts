import { Type } from '@sinclair/typebox';
import { ConfigError } from './config.ts';
import { parsePostgresUrl } from './postgres-url.ts';
import { databaseUrlVariable } from './variables.ts';

/** The variables that `readDatabaseUrls` reads. A config.ts spreads them into its `environment`. */
export const databaseVariables = {
  DATABASE_URL: databaseUrlVariable,
  DATABASE_DIRECT_URL: Type.Optional(
    Type.String({
      secret: true,
      pattern: '^postgres(ql)?://',
      description:
        'the same database without PgBouncer, for what keeps a session for itself: LISTEN, migrations, the archive, and BullMQ without Redis; DATABASE_URL by default',
    }),
  ),
};

/** The database by its two addresses, which are the same without PgBouncer. */
export type DatabaseUrls = { databaseUrl: string; directUrl: string };

/** @throws ConfigError naming the variable whose URL cannot be used, and saying why. */
export function readDatabaseUrls(env: {
  DATABASE_URL: string;
  DATABASE_DIRECT_URL?: string | undefined;
}): DatabaseUrls {
  const { DATABASE_URL: databaseUrl, DATABASE_DIRECT_URL: directUrl = databaseUrl } = env;
  for (const [name, url] of Object.entries({ DATABASE_URL: databaseUrl, DATABASE_DIRECT_URL: directUrl })) {
    try {
      parsePostgresUrl(url);
    } catch (cause) {
      throw new ConfigError(`${name} cannot be used: ${(cause as Error).message}.`, { cause });
    }
  }
  return { databaseUrl, directUrl };
}
