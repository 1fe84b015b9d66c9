import { type Actor, type Database, recordAudit, type SealOldCounts, sealOldEmrText } from '@emr-payments/db';
import type { Keyring } from '@emr-payments/runtime';

/**
 * Moves the EMR's own words, where earlier versions wrote them into the reasons of payments and the details of attempts, into
 * the sealed column, and records that in the audit log. It may be stopped and repeated.
 *
 * @param input.dryRun true: counts and changes nothing.
 */
export async function sealOldEmrTexts(
  { database, keyring }: { database: Database; keyring: Keyring },
  { by, dryRun, onProgress }: { by: Actor; dryRun: boolean; onProgress?: (read: number) => void },
): Promise<SealOldCounts> {
  const counts = await sealOldEmrText(
    { database, keyring },
    { dryRun, ...(onProgress === undefined ? {} : { onProgress }) },
  );
  if (!dryRun) {
    await recordAudit(
      { database },
      {
        ...by,
        action: 'upkeep.seal_emr_text',
        subject: `keys:${keyring.current}`,
        outcome: 'done',
        detail: { ...counts },
      },
    );
  }
  return counts;
}
