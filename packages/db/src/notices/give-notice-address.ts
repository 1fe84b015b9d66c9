import { hashSecret, newSecret } from '@emr-payments/runtime';
import type { Actor } from '../audit/entry.ts';
import { recordAudit } from '../audit/record-audit.ts';
import type { Database } from '../core/database.ts';
import { query, type StatementDeps } from '../core/statements.ts';
import { inTransaction, type Transaction } from '../core/transaction.ts';
import { lockUser } from '../locks/parent-rows.ts';

export type NoticeAddressGiven =
  /** The secret in clear, returned only here. A former address has ended. */
  | { outcome: 'given'; secret: string; replaced: boolean }
  /** The user has an address since then, and no other was wanted. */
  | { outcome: 'has_one'; since: Date }
  | { outcome: 'no_connection' };

const FIND = {
  name: 'find-notice-address',
  text: `
    SELECT a.created_at AS since FROM connections c LEFT JOIN emr_notice_addresses a ON a.user_id = c.user_id
     WHERE c.user_id = $1`,
};

const FIND_USER = {
  name: 'find-user-for-notices',
  text: `
    SELECT u.id AS "userId", c.adapter FROM users u LEFT JOIN connections c ON c.user_id = u.id WHERE u.public_id = $1`,
};

/** Finds the user who is to get an address, with the adapter of its connection (null: it has none); null when there is no such user. */
export async function findUserForNotices(
  deps: StatementDeps,
  { publicId }: { publicId: string },
): Promise<{ userId: number; adapter: string | null } | null> {
  const [row] = await query<{ userId: number; adapter: string | null }>(deps, FIND_USER, [publicId]);
  return row ?? null;
}

const WRITE = {
  name: 'write-notice-address',
  text: `
    INSERT INTO emr_notice_addresses (user_id, secret_hash) VALUES ($1, $2)
    ON CONFLICT (user_id) DO UPDATE SET secret_hash = excluded.secret_hash, created_at = now()`,
};

/**
 * Gives a user's connection an address for the notices of its EMR, under a lock on the user. The former one ends at once: notices
 * that still go there are refused, which only makes look-ups wait for their schedule. What is not `given` has written nothing.
 *
 * @param input.rotate true: a user that has an address gets another one.
 */
export async function giveNoticeAddressIn(
  tx: Transaction,
  { userId, rotate, by }: { userId: number; rotate: boolean; by: Actor },
): Promise<NoticeAddressGiven> {
  const user = await lockUser(tx, { userId });
  const [found] = await query<{ since: Date | null }>(tx, FIND, [userId]);
  if (user === null || found === undefined) return { outcome: 'no_connection' };
  const { since } = found;
  if (since !== null && !rotate) return { outcome: 'has_one', since };
  const secret = newSecret('en_');
  await query(tx, WRITE, [userId, hashSecret(secret)]);
  const replaced = since !== null;
  const subject = `user:${user.publicId}` as const;
  const entry = { ...by, action: 'user.notice_address', subject, outcome: 'done' } as const;
  await recordAudit(tx, { ...entry, detail: { replaced } });
  return { outcome: 'given', secret, replaced };
}

/** The same, in a transaction of its own. */
export const giveNoticeAddress = (
  { database }: { database: Pick<Database, 'pool'> },
  input: { userId: number; rotate: boolean; by: Actor },
): Promise<NoticeAddressGiven> =>
  inTransaction({ database }, async (tx) => {
    const value = await giveNoticeAddressIn(tx, input);
    return { commit: value.outcome === 'given', value };
  });
