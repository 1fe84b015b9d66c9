import { query } from '../core/statements.ts';
import type { Transaction } from '../core/transaction.ts';

// Limits and the like are read and then written. Each such transaction first locks the row whose children it counts, always in the
// order client, then endpoint or user, and only then writes children, lanes and jobs: so of two at once the second reads what the
// first has written, and none deadlocks. (An Idempotency-Key is claimed before all of these.)
//
// NO KEY UPDATE conflicts with itself and with changes of the row, and not with the FOR KEY SHARE of foreign keys: rows that refer
// to a client or a user are written meanwhile. Accepting locks none of these rows.

const LOCK_CLIENT = {
  name: 'lock-client',
  text: 'SELECT disabled_at AS "disabledAt" FROM clients WHERE id = $1 FOR NO KEY UPDATE',
};
const LOCK_USER = {
  name: 'lock-user',
  text: 'SELECT public_id AS "publicId", disabled_at AS "disabledAt" FROM users WHERE id = $1 FOR NO KEY UPDATE',
};
const LOCK_ENDPOINT = {
  name: 'lock-endpoint',
  text: 'SELECT id FROM webhook_endpoints WHERE id = $1 AND client_pk = $2 AND deleted_at IS NULL FOR NO KEY UPDATE',
};

/**
 * Locks a client until the end of the transaction: its endpoints are counted and compared, and its secrets rotated, one after the
 * other. To be taken before any other of these locks.
 *
 * @returns null when there is no such client.
 */
export async function lockClient(
  tx: Transaction,
  { clientPk }: { clientPk: number },
): Promise<{ disabledAt: Date | null } | null> {
  const [row] = await query<{ disabledAt: Date | null }>(tx, LOCK_CLIENT, [clientPk]);
  return row ?? null;
}

/** Locks a user: its access tokens are rotated and its connection is saved one after the other. null when there is none. */
export async function lockUser(
  tx: Transaction,
  { userId }: { userId: number },
): Promise<{ publicId: string; disabledAt: Date | null } | null> {
  const [row] = await query<{ publicId: string; disabledAt: Date | null }>(tx, LOCK_USER, [userId]);
  return row ?? null;
}

/**
 * Locks an endpoint: it is changed, deleted, and its secrets are rotated one after the other. Read it after this, in a statement of
 * its own, whose snapshot has what the one before has written.
 *
 * @returns false when there is none of that id, it is another client's, or it was deleted.
 */
export async function lockEndpoint(
  tx: Transaction,
  { clientPk, endpointId }: { clientPk: number; endpointId: string },
): Promise<boolean> {
  return (await query(tx, LOCK_ENDPOINT, [endpointId, clientPk])).length === 1;
}
