import { existsSync, readFileSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { join } from 'node:path';
import type { Actor } from '@emr-payments/db';
import { parseSandboxHosts, type SandboxHosts } from '@emr-payments/outbound';
import {
  ConfigError,
  checkRedisUrl,
  type DatabaseUrls,
  databaseVariables,
  type Keyring,
  keyringVariables,
  loadConfig,
  publicUrlVariable,
  readDatabaseUrls,
  readKeyring,
  redisUrlVariable,
  sandboxHostsVariable,
} from '@emr-payments/runtime';
import { Type } from '@sinclair/typebox';

export const environment = Type.Object({
  ...databaseVariables,
  // Without it, the command works on the local stack.
  DATABASE_URL: Type.Optional(databaseVariables.DATABASE_URL),
  REDIS_URL: redisUrlVariable,
  ...keyringVariables,
  PUBLIC_URL: publicUrlVariable,
  SANDBOX_HOSTS: sandboxHostsVariable,
});

export type CliConfig = DatabaseUrls & {
  /** Where the settings come from, for `doctor`. */
  origin: 'the environment' | 'the local stack';
  redisUrl: string | undefined;
  /** The beginning of the API's addresses, without a slash at its end; undefined where nobody has said it. */
  publicUrl: string | undefined;
  /** Read only by the commands that need it. @throws ConfigError */
  readSandboxHosts: () => SandboxHosts;
  /** Read only by the commands that need it. @throws ConfigError */
  readKeyring: () => Keyring;
};

const LOCAL = join(import.meta.dirname, '..', '..', '..', '.local');

/** Reads the settings of the local stack that `pnpm dev` started from this checkout; null when there is none. */
function localStack(): CliConfig | null {
  const file = join(LOCAL, 'stack.json');
  if (!existsSync(file)) return null;
  const {
    database_url,
    redis_url,
    api_url,
    sandbox_hosts = '',
  } = JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>;
  if (database_url === undefined) return null;
  return {
    origin: 'the local stack',
    databaseUrl: database_url,
    directUrl: database_url,
    redisUrl: redis_url,
    publicUrl: api_url,
    readSandboxHosts: () => parseSandboxHosts(sandbox_hosts),
    readKeyring: () => keyringOf({ ENCRYPTION_KEYS_FILE: join(LOCAL, 'keys') }),
  };
}

/**
 * The settings of the service whose operator runs this command; without any, those of the local stack of this checkout.
 *
 * @throws ConfigError naming the first variable that is missing or wrong.
 */
export function readConfig(): CliConfig {
  const env = loadConfig(Type.Omit(environment, ['ENCRYPTION_KEYS']), process.env);
  const { DATABASE_URL } = env;
  if (DATABASE_URL === undefined) {
    const local = localStack();
    if (local !== null) return local;
    throw new ConfigError(
      `DATABASE_URL is not set, and no local stack runs here. DATABASE_URL: ${environment.properties.DATABASE_URL.description}.`,
    );
  }
  return {
    origin: 'the environment',
    ...readDatabaseUrls({ ...env, DATABASE_URL }),
    redisUrl: checkRedisUrl(env.REDIS_URL),
    publicUrl: env.PUBLIC_URL?.replace(/\/+$/, ''),
    readSandboxHosts: () => sandboxHostsOf(env.SANDBOX_HOSTS),
    readKeyring: () => keyringOf(process.env),
  };
}

const keyringOf = (env: NodeJS.ProcessEnv): Keyring =>
  readKeyring(loadConfig(Type.Object(keyringVariables), env));

function sandboxHostsOf(text: string): SandboxHosts {
  try {
    return parseSandboxHosts(text);
  } catch (error) {
    throw new ConfigError(`${(error as Error).message}.`, { cause: error });
  }
}

/** Names the person who runs the command, for the audit log. */
export function operator(): Actor {
  return { actor: `cli:${accountName()}`, source: hostname() };
}

function accountName(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run under a number that has no name.
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}
