import { sentence } from '@emr-payments/contracts';
import { centsText, readCents } from './amounts.ts';
import type { EntryDiffers, Found, FoundRow, SeveralRows } from './posting.ts';

/**
 * Decides what the rows of an EMR that carry our payment id are, by their sum: some EMRs split one payment over providers or
 * charges, and others show a payment that was posted twice as two rows.
 *
 * @param input.rows every row that carries the id, and whose patient and date the dialect has compared. Of one payment.
 * @param input.amount the payment's amount.
 */
export function judgeRows({
  rows,
  amount,
}: {
  rows: readonly [FoundRow, ...FoundRow[]];
  amount: string;
}): Found | SeveralRows | EntryDiffers {
  const sorted = [...rows].sort((a, b) => a.id.localeCompare(b.id, 'en', { numeric: true }));
  const total = sorted.reduce((sum, row) => sum + (readCents(row.amount) ?? 0n), 0n);
  const [lowest] = sorted as [FoundRow];
  if (total === readCents(amount))
    return { outcome: 'found', emrTransactionId: lowest.id, rows: sorted, sum: centsText(total) };
  if (sorted.length === 1)
    return { outcome: 'differs', emrTransactionId: lowest.id, difference: sentence`another amount` };
  return { outcome: 'several', rows: sorted, sum: centsText(total) };
}
