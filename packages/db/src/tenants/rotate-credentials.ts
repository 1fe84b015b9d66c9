import type { ClientMode } from '@emr-payments/contracts';
import { hashSecret, newSecret } from '@emr-payments/runtime';
import type { Actor, AuditSubject } from '../audit/entry.ts';
import { recordAudit } from '../audit/record-audit.ts';
import type { Database } from '../core/database.ts';
import { named } from '../core/named.ts';
import { query } from '../core/statements.ts';
import { inTransaction, type Transaction } from '../core/transaction.ts';
import { lockClient, lockUser } from '../locks/parent-rows.ts';
import { findUserPk } from './find-user-pk.ts';

export type Rotated =
  /** The new secret in clear, returned only here, and until when the one before it stays valid. */
  { outcome: 'rotated'; secret: string; oldUntil: Date } | { outcome: 'not_found' } | { outcome: 'disabled' };

export type RotateInput = {
  /** How long the newest old secret stays valid. Older ones end at once: at most two are valid at a time. */
  overlapMs: number;
  by: Actor;
};

/** The table of one kind of secret, and its columns. */
type SecretTable = { table: string; owner: string; hash: string };

/**
 * Ends the old secrets and adds the new one. The owner's row is locked before this statement. Times are those of the statement: a
 * rotation that waited for another began before that one's secret was made. The end is rounded as the column rounds it, so that the
 * answer says what is stored.
 */
export const rotating = ({ table, owner, hash }: SecretTable) =>
  named({
    name: `rotate-${table}`,
    values: ['ownerId', 'newHash', 'overlapMs'],
    text: `
      WITH valid AS MATERIALIZED (
        SELECT id, id = max(id) OVER () AS is_newest FROM ${table}
         WHERE ${owner} = :ownerId AND (expires_at IS NULL OR expires_at > statement_timestamp())
      ), until AS MATERIALIZED (
        SELECT (statement_timestamp() + make_interval(secs => :overlapMs / 1000.0))::timestamptz(3) AS at
      ), old AS (
        UPDATE ${table} s
           SET expires_at = least(s.expires_at, CASE WHEN valid.is_newest THEN until.at ELSE statement_timestamp() END)
          FROM valid, until WHERE s.id = valid.id
      ), fresh AS (
        INSERT INTO ${table} (${owner}, ${hash}, created_at) VALUES (:ownerId, :newHash, statement_timestamp())
      )
      SELECT at FROM until`,
  });

const ROTATE_CLIENT_SECRET = rotating({ table: 'client_secrets', owner: 'client_pk', hash: 'secret_hash' });
const ROTATE_ACCESS_TOKEN = rotating({ table: 'access_tokens', owner: 'user_id', hash: 'token_hash' });

/** Rotates a secret of a row that is locked, and writes the audit entry. */
export async function rotate(
  tx: Transaction,
  input: RotateInput & {
    statement: ReturnType<typeof rotating>;
    ownerId: number;
    secret: string;
    action: string;
    subject: AuditSubject;
  },
): Promise<Rotated> {
  const { statement, ownerId, secret, overlapMs, by, action, subject } = input;
  const values = statement.values({ ownerId, newHash: hashSecret(secret), overlapMs });
  const [row] = await query<{ at: Date }>(tx, statement, values);
  if (row === undefined) throw new Error('the new secret was not written');
  const oldUntil = row.at;
  await recordAudit(tx, {
    ...by,
    action,
    subject,
    outcome: 'done',
    detail: { old_until: oldUntil.toISOString() },
  });
  return { outcome: 'rotated', secret, oldUntil };
}

const inOne = (
  { database }: { database: Pick<Database, 'pool'> },
  work: (tx: Transaction) => Promise<Rotated>,
): Promise<Rotated> =>
  inTransaction({ database }, async (tx) => {
    const value = await work(tx);
    return { commit: value.outcome === 'rotated', value };
  });

const FIND_CLIENT_PK = { name: 'find-client-pk', text: 'SELECT id, mode FROM clients WHERE client_id = $1' };

/**
 * Gives a client another secret, under a lock on the client: two rotations at once take turns, never more than two secrets are valid,
 * and a client that is being disabled gets none. What is not `rotated` has written nothing.
 */
export async function rotateClientSecretIn(
  tx: Transaction,
  { clientId, ...input }: RotateInput & { clientId: string },
): Promise<Rotated> {
  const [client] = await query<{ id: number; mode: ClientMode }>(tx, FIND_CLIENT_PK, [clientId]);
  const locked = client === undefined ? null : await lockClient(tx, { clientPk: client.id });
  if (client === undefined || locked === null) return { outcome: 'not_found' };
  if (locked.disabledAt !== null) return { outcome: 'disabled' };
  return rotate(tx, {
    ...input,
    statement: ROTATE_CLIENT_SECRET,
    ownerId: client.id,
    secret: newSecret(`cs_${client.mode}_`),
    action: 'client.rotate_secret',
    subject: `client:${clientId}`,
  });
}

/** The same, in a transaction of its own. */
export const rotateClientSecret = (
  deps: { database: Pick<Database, 'pool'> },
  input: RotateInput & { clientId: string },
): Promise<Rotated> => inOne(deps, (tx) => rotateClientSecretIn(tx, input));

/** Gives a user another access token, in the same way as `rotateClientSecretIn`. */
export async function rotateAccessTokenIn(
  tx: Transaction,
  { publicId, ...input }: RotateInput & { publicId: string },
): Promise<Rotated> {
  const userId = await findUserPk(tx, { publicId });
  const locked = userId === null ? null : await lockUser(tx, { userId });
  if (userId === null || locked === null) return { outcome: 'not_found' };
  if (locked.disabledAt !== null) return { outcome: 'disabled' };
  return rotate(tx, {
    ...input,
    statement: ROTATE_ACCESS_TOKEN,
    ownerId: userId,
    secret: newSecret('at_'),
    action: 'user.rotate_token',
    subject: `user:${publicId}`,
  });
}

/** The same, in a transaction of its own. */
export const rotateAccessToken = (
  deps: { database: Pick<Database, 'pool'> },
  input: RotateInput & { publicId: string },
): Promise<Rotated> => inOne(deps, (tx) => rotateAccessTokenIn(tx, input));
