import { type Database, DatabaseUnavailableError, openDatabase } from '@emr-payments/db';
import { ConfigError, type Keyring } from '@emr-payments/runtime';
import { type CliConfig, cliConfig } from '../config.ts';
import {
  checkAuditLog,
  checkClock,
  checkDatabase,
  checkKeys,
  checkMigrations,
  checkOutbound,
  checkQueue,
} from './checks.ts';

/** `warn`: it works, and should be looked at. */
export type Finding = { state: 'ok' | 'warn' | 'failed'; found: string };
export type Check = Finding & { check: string };

function problemOf(error: unknown): string {
  if (error instanceof ConfigError) return error.message;
  if (error instanceof DatabaseUnavailableError) return 'PostgreSQL cannot be reached.';
  const { code, name } = error as { code?: unknown; name?: unknown };
  return `${typeof name === 'string' ? name : 'Error'}${typeof code === 'string' ? ` ${code}` : ''}`;
}

async function tried(check: string, work: () => Promise<Finding>): Promise<Check> {
  try {
    return { check, ...(await work()) };
  } catch (error) {
    return { check, state: 'failed', found: problemOf(error) };
  }
}

/** The checks in the order in which they depend on each other; what cannot be tried is left out. */
export async function diagnose(): Promise<Check[]> {
  let config: CliConfig | undefined;
  let keyring: Keyring | undefined;
  const configuration = await tried('configuration', async () => {
    config = cliConfig();
    keyring = config.readKeyring();
    const older = [...keyring.keys.keys()].filter((id) => id !== keyring?.current);
    const keys = `key '${keyring.current}'${older.length === 0 ? '' : `, older: ${older.join(', ')}`}`;
    return { state: 'ok', found: `from ${config.origin}; ${keys}` };
  });
  if (config === undefined) return [configuration];

  const database = openDatabase({
    url: config.databaseUrl,
    poolSize: 2,
    applicationName: 'emr-payments doctor',
  });
  try {
    return [configuration, ...(await checkAll({ database, config, keyring }))];
  } finally {
    await database.close();
  }
}

async function checkAll(deps: {
  database: Database;
  config: CliConfig;
  keyring: Keyring | undefined;
}): Promise<Check[]> {
  const { database, config, keyring } = deps;
  const reachable = await tried('database', () => checkDatabase({ database }));
  const queue = await tried('queue', () => checkQueue(config));
  if (reachable.state === 'failed') return [reachable, queue];
  const migrations = await tried('migrations', () => checkMigrations({ database }));
  const clock = await tried('clock', () => checkClock({ database }));
  if (migrations.state === 'failed') return [reachable, migrations, queue, clock];
  return [
    reachable,
    migrations,
    queue,
    clock,
    ...(keyring === undefined ? [] : [await tried('keys', () => checkKeys({ database, keyring }))]),
    await tried('audit log', () => checkAuditLog({ database })),
    await tried('outbound', () => checkOutbound({ database })),
  ];
}
