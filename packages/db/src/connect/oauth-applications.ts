import { type Keyring, open, seal } from '@emr-payments/runtime';
import type { Actor, AuditDetail } from '../audit/entry.ts';
import { AUDIT_VALUES, auditCte, auditValues } from '../audit/record-audit.ts';
import type { Database } from '../core/database.ts';
import { named } from '../core/named.ts';
import { query, type StatementDeps } from '../core/statements.ts';
import { inTransaction, type Transaction } from '../core/transaction.ts';
import { replaceApplicationSecret } from './replace-application-secret.ts';

/** The operator's application at an EMR, as it is read: its secret is sealed. */
export type OauthApplicationRecord = {
  adapter: string;
  /** The EMR for whose practices it is. Without a slash at its end. */
  baseUrl: string;
  /** null, as `tokenUrl`: the FHIR server publishes both. */
  authorizeUrl: string | null;
  tokenUrl: string | null;
  clientId: string;
  /** Sealed. */
  clientSecret: string;
  /** Separated by blanks; of a FHIR server empty: those that are needed. */
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

const ROW = [
  'adapter',
  'baseUrl',
  'authorizeUrl',
  'tokenUrl',
  'clientId',
  'clientSecret',
  'scopes',
  'issuer',
] as const;

/** A change waits here for another one of the same application, and then sees what that one has written. */
const FIND = {
  name: 'find-oauth-application-to-set',
  text: `
    SELECT adapter, base_url AS "baseUrl", authorize_url AS "authorizeUrl", token_url AS "tokenUrl", client_id AS "clientId",
           client_secret AS "clientSecret", scopes, issuer
      FROM oauth_applications WHERE adapter = $1 AND base_url = $2 FOR UPDATE`,
};

/** A new secret waits for those who rely on this one, and then finds the connections that they have saved. */
const HAS_SECRET = {
  name: 'has-oauth-secret',
  text: 'SELECT FROM oauth_applications WHERE adapter = $1 AND base_url = $2 AND client_secret = $3 FOR SHARE',
};

/** True when an application has the secret with which it was read, sealed, and keeps it until the end of the transaction. */
export const isSecretAsSeen = async (
  tx: Transaction,
  { adapter, baseUrl, clientSecret }: Pick<OauthApplicationRecord, keyof Key | 'clientSecret'>,
): Promise<boolean> => (await query(tx, HAS_SECRET, [adapter, baseUrl, clientSecret])).length === 1;

const SET = named({
  name: 'set-oauth-application',
  values: [...ROW, ...AUDIT_VALUES],
  text: `
    WITH changed AS (
      INSERT INTO oauth_applications (adapter, base_url, authorize_url, token_url, client_id, client_secret, scopes, issuer)
      VALUES (:adapter, :baseUrl, :authorizeUrl, :tokenUrl, :clientId, :clientSecret, :scopes, :issuer)
      ON CONFLICT (adapter, base_url) DO UPDATE
         SET authorize_url = excluded.authorize_url, token_url = excluded.token_url, client_id = excluded.client_id,
             client_secret = excluded.client_secret, scopes = excluded.scopes, issuer = excluded.issuer, updated_at = now()
      RETURNING 1
    ), ${auditCte({ from: 'changed' })}
    SELECT 1 FROM changed`,
});

const REMOVE = named({
  name: 'remove-oauth-application',
  values: ['adapter', 'baseUrl', ...AUDIT_VALUES],
  text: `
    WITH changed AS (
      DELETE FROM oauth_applications WHERE adapter = :adapter AND base_url = :baseUrl RETURNING 1
    ), ${auditCte({ from: 'changed' })}
    SELECT 1 FROM changed`,
});

/** The stored application with its secret in clear; null when there is none, or no key opens its secret. */
function openStored(
  keyring: Keyring,
  stored: OauthApplicationRecord | undefined,
): OauthApplicationRecord | null {
  try {
    return stored === undefined ? null : { ...stored, clientSecret: openOauthSecret(keyring, stored) };
  } catch {
    return null;
  }
}

type SetInput = OauthApplicationRecord & { by: Actor };

/**
 * Writes an application, in the place of the one with the same adapter and base URL. `clientSecret` is in clear here. One that is stored
 * with the same values is left alone: nothing is written, not in the audit log either. A new secret of the same client goes to the
 * connections that were made with the former one.
 */
export async function setOauthApplicationIn(
  { keyring, ...tx }: Transaction & { keyring: Keyring },
  { by, ...given }: SetInput,
): Promise<'set' | 'unchanged'> {
  const [stored] = await query<OauthApplicationRecord>(tx, FIND, [given.adapter, given.baseUrl]);
  const former = openStored(keyring, stored);
  if (former !== null && ROW.every((name) => former[name] === given[name])) return 'unchanged';
  const sealed = { ...given, clientSecret: seal(keyring, oauthApplicationRow(given), given.clientSecret) };
  const { adapter, baseUrl, authorizeUrl, tokenUrl, clientId, clientSecret, scopes, issuer } = sealed;
  const row = { adapter, baseUrl, authorizeUrl, tokenUrl, clientId, clientSecret, scopes, issuer };
  const detail = { base_url: baseUrl, client_id: clientId };
  await query(tx, SET, SET.values({ ...row, ...entry('oauth_app.set', { adapter, detail, by }) }));
  if (former !== null && former.clientId === clientId && former.clientSecret !== given.clientSecret) {
    const secrets = { former: former.clientSecret, secret: given.clientSecret };
    await replaceApplicationSecret({ ...tx, keyring } as Transaction & { keyring: Keyring }, {
      adapter,
      baseUrl,
      clientId,
      ...secrets,
      by,
    });
  }
  return 'set';
}

/** The same, in a transaction of its own. */
export const setOauthApplication = (
  { database, keyring }: { database: Pick<Database, 'pool'>; keyring: Keyring },
  input: SetInput,
): Promise<'set' | 'unchanged'> =>
  inTransaction({ database }, async (tx) => {
    const value = await setOauthApplicationIn({ ...tx, keyring }, input);
    return { commit: value === 'set', value };
  });

/** Removes one: practices can no longer log in with it. Connections that were made with it keep their own copy of its secret. */
export async function removeOauthApplication(
  deps: StatementDeps,
  { by, adapter, baseUrl }: Key & { by: Actor },
): Promise<'removed' | 'not_found'> {
  const detail = { base_url: baseUrl };
  const values = { adapter, baseUrl, ...entry('oauth_app.remove', { adapter, detail, by }) };
  const removed = await query(deps, REMOVE, REMOVE.values(values));
  return removed.length === 0 ? 'not_found' : 'removed';
}

const entry = (
  action: string,
  { adapter, detail, by }: { adapter: string; detail: AuditDetail; by: Actor },
): ReturnType<typeof auditValues> =>
  auditValues({ ...by, action, subject: `oauth_app:${adapter}`, outcome: 'done', detail });
