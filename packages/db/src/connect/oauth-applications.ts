import { type Keyring, open, seal } from '@emr-payments/runtime';
import type { Actor } from '../audit/entry.ts';
import { auditCreate } from '../audit/record-audit.ts';
import type { Database } from '../core/database.ts';

/** The operator's application at an EMR, as it is read: its secret is sealed. */
export type OauthApplicationRecord = {
  adapter: string;
  /** The EMR for whose practices it is. Without a slash at its end. */
  baseUrl: string;
  authorizeUrl: string;
  tokenUrl: string;
  clientId: string;
  /** Sealed. */
  clientSecret: string;
  /** Separated by blanks. */
  scopes: string;
  issuer: string | null;
};

type Key = Pick<OauthApplicationRecord, 'adapter' | 'baseUrl'>;

/** Names the row that an application's secret is sealed for. */
const oauthApplicationRow = ({ adapter, baseUrl }: Key): string => `oauth_application:${adapter}:${baseUrl}`;

/** Opens the secret of a stored application. @throws Error when its key is missing, or it was altered. */
export const openOauthSecret = (keyring: Keyring, stored: OauthApplicationRecord): string =>
  open(keyring, oauthApplicationRow(stored), stored.clientSecret);

const SHOWN = {
  adapter: true,
  baseUrl: true,
  authorizeUrl: true,
  tokenUrl: true,
  clientId: true,
  clientSecret: true,
  scopes: true,
  issuer: true,
} as const;

/** Lists the applications, by adapter and base URL. */
export async function listOauthApplications({
  database,
}: {
  database: Pick<Database, 'prisma'>;
}): Promise<OauthApplicationRecord[]> {
  return database.prisma.oauthApplication.findMany({
    select: SHOWN,
    orderBy: [{ adapter: 'asc' }, { baseUrl: 'asc' }],
  });
}

/** Writes an application, in the place of the one with the same adapter and base URL. `clientSecret` is in clear here. */
export async function setOauthApplication(
  { database, keyring }: { database: Pick<Database, 'prisma'>; keyring: Keyring },
  { by, ...given }: OauthApplicationRecord & { by: Actor },
): Promise<void> {
  const { adapter, baseUrl } = given;
  const row = { ...given, clientSecret: seal(keyring, oauthApplicationRow(given), given.clientSecret) };
  await database.prisma.$transaction([
    database.prisma.oauthApplication.upsert({
      where: { adapter_baseUrl: { adapter, baseUrl } },
      create: row,
      update: row,
    }),
    auditCreate({ database }, entry('oauth_app.set', given, by)),
  ]);
}

/** Removes one: practices can no longer log in with it. Connections that were made with it keep their own copy of its secret. */
export async function removeOauthApplication(
  { database }: { database: Pick<Database, 'prisma'> },
  { by, adapter, baseUrl }: Key & { by: Actor },
): Promise<'removed' | 'not_found'> {
  const where = { adapter_baseUrl: { adapter, baseUrl } };
  const found = await database.prisma.oauthApplication.findUnique({ where, select: SHOWN });
  if (found === null) return 'not_found';
  await database.prisma.$transaction([
    database.prisma.oauthApplication.deleteMany({ where: { adapter, baseUrl } }),
    auditCreate({ database }, entry('oauth_app.remove', found, by)),
  ]);
  return 'removed';
}

const entry = (action: string, { adapter, baseUrl, clientId }: OauthApplicationRecord, by: Actor) =>
  ({
    ...by,
    action,
    subject: `oauth_app:${adapter}`,
    outcome: 'done',
    detail: { base_url: baseUrl, client_id: clientId },
  }) as const;
