import { type Database, isUnavailable, openDatabase } from '@emr-payments/db';
import { ConfigError, type DatabaseUrls, type Keyring } from '@emr-payments/runtime';
import { checkConnections, checkEncryption, checkHealth } from './check-connections.ts';
import { checkQueue } from './check-queue.ts';
import { checkSharedIds, checkWork } from './check-work.ts';
import {
  checkAuditLog,
  checkClock,
  checkDatabase,
  checkHolds,
  checkKeys,
  checkLineage,
  checkMigrations,
  checkOutbound,
  checkOwnFaults,
  checkPartitions,
} from './checks.ts';
import type { Check, Finding } from './finding.ts';

/** The settings that the checks need, as the process that asks has read them. */
export type ServiceSettings = DatabaseUrls & {
  /** Where the settings come from, to show it: such as `the environment`. */
  origin: string;
  redisUrl: string | undefined;
  /** @throws ConfigError */
  readKeyring: () => Keyring;
};

/** Names the kind of error and nothing of its message, which may quote a row or an address with a password. */
function problemOf(error: unknown): string {
  if (error instanceof ConfigError) return error.message;
  if (isUnavailable(error)) return 'PostgreSQL cannot be reached.';
  const { code, name } = error as { code?: unknown; name?: unknown };
  return `${typeof name === 'string' ? name : 'Error'}${typeof code === 'string' ? ` ${code}` : ''}`;
}

async function run(check: string, work: () => Promise<Finding>): Promise<Check> {
  try {
    return { check, ...(await work()) };
  } catch (error) {
    return { check, state: 'failed', found: problemOf(error) };
  }
}

/**
 * Checks whether the service can take and post payments. It writes nothing, and it never throws: a check that cannot be
 * carried out has failed.
 *
 * @param deps.readSettings may throw a ConfigError: then its sentence is the only finding.
 * @param input.mostSealed sealed values of each kind that are opened, for a process that serves; all of them by default.
 * @returns the checks in the order in which they depend on each other, without those whose requirement has failed.
 */
export async function diagnose(
  deps: { readSettings: () => ServiceSettings },
  { mostSealed }: { mostSealed?: number } = {},
): Promise<Check[]> {
  let settings: ServiceSettings | undefined;
  let keyring: Keyring | undefined;
  const configuration = await run('configuration', async () => {
    settings = deps.readSettings();
    keyring = settings.readKeyring();
    const older = [...keyring.keys.keys()].filter((id) => id !== keyring?.current);
    const keys = `key '${keyring.current}'${older.length === 0 ? '' : `, older: ${older.join(', ')}`}`;
    return { state: 'ok', found: `from ${settings.origin}; ${keys}` };
  });
  if (settings === undefined) return [configuration];

  const database = openDatabase({
    url: settings.databaseUrl,
    poolSize: 2,
    applicationName: 'emr-payments doctor',
  });
  try {
    return [configuration, ...(await checkAll({ database, keyring, mostSealed }, settings))];
  } finally {
    await database.close();
  }
}

async function checkAll(
  {
    database,
    keyring,
    mostSealed,
  }: { database: Database; keyring: Keyring | undefined; mostSealed: number | undefined },
  settings: ServiceSettings,
): Promise<Check[]> {
  const reachable = await run('database', () => checkDatabase({ database }, settings));
  const queue = await run('queue', () => checkQueue(settings));
  if (reachable.state === 'failed') return [reachable, queue];
  const migrations = await run('migrations', () => checkMigrations({ database }));
  const clock = await run('clock', () => checkClock({ database }));
  if (migrations.state === 'failed') return [reachable, migrations, queue, clock];
  return [
    reachable,
    migrations,
    queue,
    clock,
    ...(keyring === undefined
      ? []
      : [await run('keys', () => checkKeys({ database, keyring }, { mostSealed }))]),
    await run('own faults', () => checkOwnFaults({ database })),
    await run('work', () => checkWork({ database })),
    await run('emr ids', () => checkSharedIds({ database })),
    await run('audit log', () => checkAuditLog({ database })),
    await run('partitions', () => checkPartitions({ database })),
    await run('lineage', () => checkLineage({ database })),
    await run('holds', () => checkHolds({ database })),
    await run('connections', () => checkConnections({ database })),
    await run('health', () => checkHealth({ database })),
    await run('encryption', () => checkEncryption({ database })),
    await run('outbound', () => checkOutbound({ database })),
  ];
}
