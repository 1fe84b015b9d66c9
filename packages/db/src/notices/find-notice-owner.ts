import { hashSecret } from '@emr-payments/runtime';
import { query, type StatementDeps } from '../core/statements.ts';

/** The connection to which an address belongs. */
export type NoticeOwner = { userId: number; userPublicId: string; clientPk: number; adapter: string };

const FIND = {
  name: 'find-notice-owner',
  text: `
    SELECT a.user_id AS "userId", u.public_id AS "userPublicId", u.client_pk AS "clientPk", c.adapter
      FROM emr_notice_addresses a JOIN connections c ON c.user_id = a.user_id JOIN users u ON u.id = a.user_id
     WHERE a.secret_hash = $1`,
};

/**
 * Finds whose EMR sends notices to an address. The index compares hashes, so the time that it takes says nothing about a secret.
 *
 * @param input.secret the secret in the address's path, in clear.
 * @returns null when it is no address.
 */
export async function findNoticeOwner(
  deps: StatementDeps,
  { secret }: { secret: string },
): Promise<NoticeOwner | null> {
  const [row] = await query<NoticeOwner>(deps, FIND, [hashSecret(secret)]);
  return row ?? null;
}
