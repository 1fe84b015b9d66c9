import { absent, type FindHints, type FindOutcome } from '@emr-payments/emr';

/** An entry of the EMR. One that is hidden is not found by a search yet. */
export type Entry = { id: string; paymentId: string; hidden: boolean; leftAt: number };

/** What an EMR answers that reads all its entries. */
export function searchEntries(
  entries: readonly Entry[],
  { paymentId, amount }: Pick<FindHints, 'paymentId' | 'amount'>,
): FindOutcome {
  const rows = entries
    .filter((entry) => entry.paymentId === paymentId && !entry.hidden)
    .map(({ id }) => ({ id, amount }));
  const [row] = rows;
  if (row === undefined) {
    const read = { entriesSeen: 0, entriesUnderstood: 0, perhapsOurs: 0, matches: 0, total: 0 };
    return absent({
      ...read,
      complete: true,
      errorSaid: false,
      searchHonoured: true,
      servedFromCache: false,
    });
  }
  if (rows.length > 1) return { outcome: 'several', rows, sum: amount };
  return { outcome: 'found', emrTransactionId: row.id, rows, sum: amount };
}
