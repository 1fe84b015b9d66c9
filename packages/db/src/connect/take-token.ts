import { hashSecret, newSecret } from '@emr-payments/runtime';
import type { Actor } from '../audit/entry.ts';
import { recordAudit } from '../audit/record-audit.ts';
import { query } from '../core/statements.ts';
import type { Transaction } from '../core/transaction.ts';

export type TokenTaken =
  /** In clear, and returned only here: the database has its hash. */
  | { outcome: 'taken'; userPublicId: string; accessToken: string }
  | { outcome: 'not_found' }
  /** The person has not finished. */
  | { outcome: 'not_connected' }
  /** It was canceled, or its time was over before the person finished. */
  | { outcome: 'over' }
  /** The user has an access token: it was fetched before, or the session has renewed the login of a user. */
  | { outcome: 'given_out' };

const LOCK = {
  name: 'lock-connect-session',
  text: `
    SELECT s.state::text, s.expires_at <= now() AS late, s.renews OR s.token_taken_at IS NOT NULL AS "givenOut", s.user_id AS "userId",
           u.public_id AS "userPublicId"
      FROM connect_sessions s LEFT JOIN users u ON u.id = s.user_id
     WHERE s.id = $1 AND s.client_pk = $2 FOR NO KEY UPDATE OF s`,
};

const TAKE = {
  name: 'take-connect-token',
  text: `
    WITH taken AS (UPDATE connect_sessions SET token_taken_at = now() WHERE id = $1 RETURNING user_id)
    INSERT INTO access_tokens (user_id, token_hash) SELECT user_id, $2 FROM taken`,
};

type Row = {
  state: 'open' | 'connected' | 'canceled';
  late: boolean;
  givenOut: boolean;
  userId: number | null;
  userPublicId: string | null;
};

/** Makes the access token of the user whom a session has made, once: who asks a second time has it already. */
export async function takeConnectToken(
  tx: Transaction,
  { id, clientPk, by }: { id: string; clientPk: number; by: Actor },
): Promise<TokenTaken> {
  const [row] = await query<Row>(tx, LOCK, [id, clientPk]);
  if (row === undefined) return { outcome: 'not_found' };
  if (row.state === 'canceled') return { outcome: 'over' };
  if (row.state === 'open') return { outcome: row.late ? 'over' : 'not_connected' };
  const { userPublicId } = row;
  if (row.givenOut || userPublicId === null) return { outcome: 'given_out' };
  const accessToken = newSecret('at_');
  await query(tx, TAKE, [id, hashSecret(accessToken)]);
  await recordAudit(tx, {
    ...by,
    action: 'connect_session.token',
    subject: `connect_session:${id}`,
    outcome: 'done',
    detail: { user_id: userPublicId },
  });
  return { outcome: 'taken', userPublicId, accessToken };
}
