import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { testServers } from './config.ts';

export type TestDatabase = {
  /** postgresql:// URL of a migrated, empty database that nobody else uses. */
  url: string;
  /** Removes it, ending whatever is still connected. */
  drop(): Promise<void>;
};

async function onServer(sql: string): Promise<void> {
  const client = new Client({ connectionString: testServers().serverUrl });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

/** The URL of another database on the same server. */
function urlOf(serverUrl: string, database: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${database}`;
  return url.href;
}

/**
 * Makes a database of the caller's own, with the whole schema and no rows, on a real PostgreSQL. It is a file copy of
 * a migrated template: about 30 ms.
 */
export async function openTestDatabase(): Promise<TestDatabase> {
  const { serverUrl, template } = testServers();
  const name = `test_${randomBytes(8).toString('hex')}`;
  await onServer(`CREATE DATABASE ${name} TEMPLATE ${template} STRATEGY FILE_COPY`);
  return {
    url: urlOf(serverUrl, name),
    drop: () => onServer(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  };
}

/** Makes a database with nothing in it, for tests of the migrations themselves. */
export async function openEmptyDatabase(): Promise<TestDatabase> {
  const { serverUrl } = testServers();
  const name = `test_${randomBytes(8).toString('hex')}`;
  await onServer(`CREATE DATABASE ${name} TEMPLATE template0`);
  return {
    url: urlOf(serverUrl, name),
    drop: () => onServer(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  };
}
