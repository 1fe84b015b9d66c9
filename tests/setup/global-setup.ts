import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, realpathSync, rmSync, statfsSync } from 'node:fs';
import { freemem, tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrate } from '@emr-payments/db';
import { loadConfig } from '@emr-payments/runtime';
import { OVERWRITES_FREED_MEMORY, removePlace, startEmbeddedPostgres } from '@emr-payments/stack';
import { buildApps } from '@emr-payments/stack/build';
import { environment, hasRedisServer, startRedis, VARIABLES } from '@emr-payments/testkit';
import { Client } from 'pg';

type Release = () => Promise<unknown>;

const NO_REDIS = `
  ############################################################################
  #  NO REDIS: redis-server is not on the PATH and REDIS_URL is not set.     #
  #  All tests of the Redis backend were SKIPPED, or ran with the queue on   #
  #  PostgreSQL alone.                                                       #
  ############################################################################
`;

/** The Redis of REDIS_URL is shared, so tests that freeze, kill or fill one start their own. */
const NO_REDIS_SERVER = `
  ############################################################################
  #  NO REDIS-SERVER: it is not on the PATH. Tests that start a Redis of     #
  #  their own were SKIPPED, or ran with the queue on PostgreSQL alone.      #
  ############################################################################
`;

async function onServer(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

const MEMORY = '/dev/shm';

/** Free space that is demanded: several times what the server of one whole run fills. */
const ENOUGH_BYTES = 4 * 2 ** 30;

/**
 * Returns the folder in which the server's data are made: in memory, where there is enough. A database consists of 900 files, which each
 * test file, and many a test, has copied and deleted: on a disk this takes as long as what is tested.
 */
function folderOfServers(): string {
  try {
    const { bavail, bsize } = statfsSync(MEMORY);
    return Math.min(bavail * bsize, freemem()) > ENOUGH_BYTES ? MEMORY : tmpdir();
  } catch {
    return tmpdir();
  }
}

/** Opens the server that holds all test databases: DATABASE_URL_TEST, or an embedded one for this run alone. */
async function openServer(releases: Release[], given: string | undefined): Promise<string> {
  if (given !== undefined) return given;
  const folder = mkdtempSync(join(folderOfServers(), 'emr-payments-test-'));
  // Where root runs the tests, another account runs the server. Where it cannot enter, it has its data in /var/tmp: on the disk.
  chmodSync(folder, 0o711);
  const dataDir = join(folder, 'postgres');
  releases.push(async () => {
    removePlace(dataDir);
    rmSync(folder, { recursive: true, force: true });
  });
  const server = await startEmbeddedPostgres({
    dataDir,
    port: 0,
    durable: false,
    env: OVERWRITES_FREED_MEMORY,
    settings: { max_connections: '400', shared_buffers: '64MB' },
  });
  releases.push(() => server.stop('immediate'));
  if (!server.data.startsWith(realpathSync(folder)))
    throw new Error(
      `The account that runs PostgreSQL cannot enter ${folder}. Let it enter the folders above, or set DATABASE_URL_TEST.`,
    );
  return server.url;
}

/** Creates the migrated database that openTestDatabase copies. */
async function makeTemplate(serverUrl: string, releases: Release[]): Promise<string> {
  const template = `template_${randomBytes(6).toString('hex')}`;
  await onServer(serverUrl, `CREATE DATABASE ${template} TEMPLATE template0`);
  // A role of this run alone: a server that was given by DATABASE_URL_TEST may have roles of other runs.
  const appRole = { name: `${template}_app`, password: randomBytes(12).toString('hex') };
  process.env[VARIABLES.appRole] = `${appRole.name}:${appRole.password}`;
  // Fails, and may, where a killed test left a database in which the role has privileges.
  releases.push(() => onServer(serverUrl, `DROP ROLE ${appRole.name}`).catch(() => undefined));
  releases.push(() => onServer(serverUrl, `DROP DATABASE ${template} WITH (FORCE)`));
  const url = new URL(serverUrl);
  url.pathname = `/${template}`;
  await migrate({ url: url.href, appRole });
  return template;
}

async function openRedis(releases: Release[], given: string | undefined): Promise<string | undefined> {
  if (!hasRedisServer()) {
    const skipped = given === undefined ? NO_REDIS : NO_REDIS_SERVER;
    process.stderr.write(skipped);
    releases.push(async () => process.stderr.write(skipped));
    return given;
  }
  if (given !== undefined) return given;
  const redis = await startRedis();
  releases.push(() => redis.stop());
  return redis.url;
}

/** Runs once before the tests of all packages: makes the apps' files, starts one PostgreSQL, with one migrated template, and one Redis. */
export default async function setup(): Promise<Release> {
  const releases: Release[] = [];
  const close = async () => {
    for (let next = releases.pop(); next !== undefined; next = releases.pop()) await next();
  };
  try {
    await buildApps();
    const { DATABASE_URL_TEST, REDIS_URL } = loadConfig(environment, process.env);
    const serverUrl = await openServer(releases, DATABASE_URL_TEST);
    process.env[VARIABLES.template] = await makeTemplate(serverUrl, releases);
    process.env[VARIABLES.server] = serverUrl;
    const redisUrl = await openRedis(releases, REDIS_URL);
    if (redisUrl !== undefined) process.env[VARIABLES.redis] = redisUrl;
  } catch (error) {
    await close();
    throw error;
  }
  return close;
}
