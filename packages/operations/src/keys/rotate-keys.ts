import {
  type Actor,
  countSealed,
  type Database,
  type ResealCounts,
  recordAudit,
  resealAll,
} from '@emr-payments/db';
import type { Keyring } from '@emr-payments/runtime';

/**
 * Seals every sealed value again with the keyring's first key, while the service runs, and records that in the audit
 * log. It may be stopped and repeated.
 *
 * @param input.onProgress called with the values handled so far, and their total at the start.
 * @returns what was done; rows in `unopened` were sealed with a key that is not in the keyring, and are unchanged.
 */
export async function rotateKeys(
  { database, keyring }: { database: Database; keyring: Keyring },
  { by, onProgress }: { by: Actor; onProgress?: (done: number, total: number) => void },
): Promise<ResealCounts> {
  const total = await countSealed({ database });
  const counts = await resealAll({ database, keyring }, { onProgress: (done) => onProgress?.(done, total) });
  const { resealed, unopened } = counts;
  await recordAudit(
    { database },
    {
      ...by,
      action: 'keys.rotate',
      subject: `keys:${keyring.current}`,
      outcome: unopened.length === 0 ? 'done' : 'failed',
      detail: { resealed, unopened: unopened.length },
    },
  );
  return counts;
}
