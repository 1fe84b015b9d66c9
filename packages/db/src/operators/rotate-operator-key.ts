import { newSecret } from '@emr-payments/runtime';
import type { Database } from '../core/database.ts';
import { query } from '../core/statements.ts';
import { inTransaction } from '../core/transaction.ts';
import { type Rotated, type RotateInput, rotate, rotating } from '../tenants/rotate-credentials.ts';

/** Taken alone: what locks a key locks nothing else. */
const LOCK = {
  name: 'lock-operator-key',
  text: `
    SELECT id, revoked_at IS NULL AND expires_at > now() AS valid FROM operator_keys WHERE public_id = $1 FOR NO KEY UPDATE`,
};
const ROTATE = rotating({ table: 'operator_key_secrets', owner: 'key_pk', hash: 'secret_hash' });

/**
 * Gives an operator key another secret, under a lock on the key. Its scopes and its end stay: a key that has to live longer, or to do
 * more, is another key. `disabled`: it was revoked, or has expired.
 */
export function rotateOperatorKey(
  { database }: { database: Pick<Database, 'pool'> },
  { keyId, ...input }: RotateInput & { keyId: string },
): Promise<Rotated> {
  return inTransaction<Rotated>({ database }, async (tx) => {
    const [key] = await query<{ id: number; valid: boolean }>(tx, LOCK, [keyId]);
    if (key === undefined) return { commit: false, value: { outcome: 'not_found' } };
    if (!key.valid) return { commit: false, value: { outcome: 'disabled' } };
    const value = await rotate(tx, {
      ...input,
      statement: ROTATE,
      ownerId: key.id,
      secret: newSecret('op_'),
      action: 'operator_key.rotate',
      subject: `operator_key:${keyId}`,
    });
    return { commit: true, value };
  });
}
