import { randomBytes } from 'node:crypto';
import { type Actor, createClient, type Database, openDatabase } from '@emr-payments/db';
import { parseSandboxHosts, type SandboxHosts } from '@emr-payments/outbound';
import { type Keyring, parseKeyring } from '@emr-payments/runtime';
import { openTestDatabase } from '@emr-payments/testkit';

/** A service as operations see it: a database that nobody else uses, with one client, and a keyring. */
export type Service = {
  url: string;
  /** The same, for the role of the service. */
  appUrl: string;
  database: Database;
  /** The same as the owner of the tables, for what the service's role may not do. */
  owner: Database;
  keyring: Keyring;
  /** None: a live client may connect whatever a test runs. */
  sandboxHosts: SandboxHosts;
  /** The keyring's one key, as `ENCRYPTION_KEYS` has it. */
  key: string;
  by: Actor;
  clientId: string;
  clientPk: number;
  /** The audit log, oldest entry first. */
  audited(): Promise<{ actor: string; action: string; subject: string; detail: unknown }[]>;
  close(): Promise<void>;
};

export const newKey = (id: string): string => `${id}:${randomBytes(32).toString('base64')}`;

export async function openService(): Promise<Service> {
  const { url, appUrl, drop } = await openTestDatabase();
  const database = openDatabase({ url: appUrl, poolSize: 2, applicationName: 'test' });
  const owner = openDatabase({ url, poolSize: 1, applicationName: 'test owner' });
  const key = newKey('k1');
  const { clientId, clientPk } = await createClient({ database }, { name: 'Integrator' });
  return {
    url,
    appUrl,
    database,
    owner,
    keyring: parseKeyring(key),
    sandboxHosts: parseSandboxHosts(''),
    key,
    by: { actor: 'cli:alice', source: 'desk-1' },
    clientId,
    clientPk,
    audited: () =>
      database.prisma.auditEntry.findMany({
        orderBy: { id: 'asc' },
        select: { actor: true, action: true, subject: true, detail: true },
      }),
    async close() {
      await database.close();
      await owner.close();
      await drop();
    },
  };
}
