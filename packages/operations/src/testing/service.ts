import { randomBytes } from 'node:crypto';
import { type Actor, createClient, type Database } from '@emr-payments/db';
import { databaseOfFile } from '@emr-payments/db/testing/database-of-file';
import { type OpenedDatabase, openOwnDatabase } from '@emr-payments/db/testing/open-practice';
import { parseSandboxHosts, type SandboxHosts } from '@emr-payments/outbound';
import { type Keyring, parseKeyring } from '@emr-payments/runtime';

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

/** Opens a database for all tests of a file: see `databaseOfFile`. @returns what begins a test: it opens a service on that database. */
export function serviceOfFile(): () => Promise<Service> {
  const begin = databaseOfFile();
  return async () => openService(await begin());
}

/** @param opened by default a database is made for the service. */
export async function openService(opened?: OpenedDatabase): Promise<Service> {
  const { url, appUrl, database, owner, close } = opened ?? (await openOwnDatabase());
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
    close,
  };
}
