import { sentence, uuidToPaymentId } from '@emr-payments/contracts';
import type { ClaimedPosting } from '@emr-payments/db';
import type { EmrAdapter, EntryDiffers, Trouble } from '@emr-payments/emr';

/** The code of a look-up that found nothing, too soon after the send to prove that the payment is absent. */
export const SETTLING = 'settling';

/** The state of our knowledge about earlier sends whose answers were lost. */
export type Doubt =
  | { known: 'nothing_sent' }
  | { known: 'found'; emrTransactionId: string }
  /** The EMR has an entry with our payment id that is not the payment as we know it. */
  | { known: 'differs'; entry: EntryDiffers }
  /** None of them created an entry. */
  | { known: 'absent' }
  /** Their outcome is not known, but sending again with the same key makes no second entry. */
  | { known: 'repeatable' }
  /** The EMR gave no evidence this time, and may give it later. */
  | { known: 'not_yet'; trouble: Trouble }
  /** The EMR cannot be searched, now or later. */
  | { known: 'never' };

/**
 * Looks up earlier sends at the EMR before anything is sent again (the outcome `unknown`: docs/adapters.md). `absent` is
 * believed only when the last of them is older than the adapter's `settleMs`, within which the EMR may still write the entry.
 */
export async function settleDoubt(
  { adapter, signal }: { adapter: EmrAdapter; signal: AbortSignal },
  posting: Pick<ClaimedPosting, 'payment' | 'unresolvedMs' | 'unresolvedSentAt'>,
): Promise<Doubt> {
  const { payment, unresolvedMs, unresolvedSentAt } = posting;
  if (unresolvedMs === null) return { known: 'nothing_sent' };
  if (adapter.capability === 'none') return { known: 'never' };
  if (adapter.find === undefined) return { known: 'repeatable' };

  const { emrPatientId, amount, depositDate } = payment;
  const hints = { paymentId: uuidToPaymentId(payment.id), emrPatientId, amount, depositDate };
  const answer = await adapter.find({ ...hints, sentAt: unresolvedSentAt }, { signal });
  if (answer.outcome === 'found') return { known: 'found', emrTransactionId: answer.emrTransactionId };
  if (answer.outcome === 'differs') return { known: 'differs', entry: answer };
  if (answer.outcome === 'unavailable') return { known: 'not_yet', trouble: answer };
  if (adapter.capability === 'conditional-create') return { known: 'repeatable' };
  const settlesInMs = adapter.settleMs - unresolvedMs;
  if (settlesInMs <= 0) return { known: 'absent' };
  return {
    known: 'not_yet',
    trouble: {
      code: SETTLING,
      detail: sentence`The EMR may still be processing the request whose answer was lost.`,
      retryAfterMs: Math.ceil(settlesInMs),
    },
  };
}
