import { randomBytes } from 'node:crypto';
import { type Keyring, parseKeyring } from '@emr-payments/runtime';
import { openTestDatabase } from '@emr-payments/testkit';
import { type Database, openDatabase } from '../core/database.ts';
import { createPractice, type Practice } from './practice.ts';

export type OpenPractice = Practice & {
  /** The database's URL. */
  url: string;
  database: Database;
  keyring: Keyring;
  close(): Promise<void>;
};

/** Opens a database of its own with one practice in it. For the tests of this package. */
export async function openPractice({
  concurrency = 4,
}: {
  concurrency?: number;
} = {}): Promise<OpenPractice> {
  const { url, drop } = await openTestDatabase();
  const database = openDatabase({ url, poolSize: 6, applicationName: 'test' });
  const keyring = parseKeyring(`test:${randomBytes(32).toString('base64')}`);
  const practice = await createPractice({ database, keyring }, { connection: { concurrency } });
  return {
    ...practice,
    url,
    database,
    keyring,
    async close() {
      await database.close();
      await drop();
    },
  };
}
