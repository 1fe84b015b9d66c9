import { randomBytes } from 'node:crypto';
import { type Keyring, parseKeyring } from '@emr-payments/runtime';
import { openTestDatabase } from '@emr-payments/testkit';
import { type Database, openDatabase } from '../core/database.ts';
import { createPractice, type Practice } from './practice.ts';

/** A database that only the caller uses. */
export type OpenedDatabase = {
  /** The database's URL, for its owner. */
  url: string;
  /** The same for the role that the service runs as. */
  appUrl: string;
  /** Open as the role that the service runs as. */
  database: Database;
  /** Open as the owner of the tables, for what the service may not do. */
  owner: Database;
  keyring: Keyring;
  close(): Promise<void>;
};

export type OpenPractice = Practice & OpenedDatabase;

/** For a machine that stands still for some seconds. */
const CONNECT_MS = 30_000;

/** Opens a database of its own, without rows. */
export async function openOwnDatabase(): Promise<OpenedDatabase> {
  const { url, appUrl, drop } = await openTestDatabase();
  const database = openDatabase({ url: appUrl, poolSize: 6, applicationName: 'test', connectMs: CONNECT_MS });
  const owner = openDatabase({ url, poolSize: 2, applicationName: 'test owner', connectMs: CONNECT_MS });
  return {
    url,
    appUrl,
    database,
    owner,
    keyring: parseKeyring(`test:${randomBytes(32).toString('base64')}`),
    async close() {
      await database.close();
      await owner.close();
      await drop();
    },
  };
}

/** Opens a database of its own with one practice in it. For the tests of this package. */
export async function openPractice({
  concurrency = 4,
}: {
  concurrency?: number;
} = {}): Promise<OpenPractice> {
  const opened = await openOwnDatabase();
  const practice = await createPractice(opened, { connection: { concurrency } });
  return { ...practice, ...opened };
}
