import { joined, type OurSentence, sentence } from '@emr-payments/contracts';
import { readCents } from './amounts.ts';
import { judgeRows } from './judge-rows.ts';
import type { EntryDiffers, Found, FoundRow, SeveralRows } from './posting.ts';

/** An entry that carries our payment id. `differences` names our fields that do not agree, apart from the amount. */
export type OurEntry = FoundRow & { differences: readonly OurSentence[] };

/**
 * Decides what the entries are that carry our payment id: one that differs from the payment in any field is for a person, and
 * entries of another patient or day are no parts of the payment, whatever their sum.
 *
 * @param input.amount the payment's amount.
 */
export function judgeEntries({
  entries,
  amount,
}: {
  entries: readonly [OurEntry, ...OurEntry[]];
  amount: string;
}): Found | SeveralRows | EntryDiffers {
  const [first, ...others] = entries;
  if (others.length === 0) {
    const amountDiffers = readCents(first.amount) !== readCents(amount);
    const differences = [...(amountDiffers ? [sentence`another amount`] : []), ...first.differences];
    if (differences.length > 0) {
      return {
        outcome: 'differs',
        emrTransactionId: first.id,
        difference: joined(differences, ' and '),
      };
    }
  }
  const rowOf = ({ id, amount: own }: OurEntry): FoundRow => ({ id, amount: own });
  const judged = judgeRows({ rows: [rowOf(first), ...others.map(rowOf)], amount });
  const parts = entries.every(({ differences }) => differences.length === 0);
  return parts || judged.outcome !== 'found'
    ? judged
    : { outcome: 'several', rows: judged.rows, sum: judged.sum };
}
