import { uuidToPaymentId } from '@emr-payments/contracts';
import type { ClaimedPosting } from '@emr-payments/db';
import type { EmrAdapter, Trouble } from '@emr-payments/emr';

/** The code of a look-up that came too early to believe that the payment is absent. */
export const SETTLING = 'settling';

/** What is known about the sends whose outcome was lost. */
export type Doubt =
  | { known: 'nothing_sent' }
  | { known: 'found'; emrTransactionId: string }
  /** All of them are known not to have arrived. */
  | { known: 'absent' }
  /** Not known, but sending again with the same key makes no second entry. */
  | { known: 'repeatable' }
  | { known: 'not_yet'; trouble: Trouble }
  | { known: 'never' };

/**
 * Asks the EMR about earlier sends before anything is sent again (design: the outcome `unknown`). `absent` is believed only
 * when the last of them is older than the EMR may take to finish what it had begun.
 */
export async function askEmr(
  { adapter, signal }: { adapter: EmrAdapter; signal: AbortSignal },
  { payment, unresolvedMs }: Pick<ClaimedPosting, 'payment' | 'unresolvedMs'>,
): Promise<Doubt> {
  if (unresolvedMs === null) return { known: 'nothing_sent' };
  if (adapter.capability === 'none') return { known: 'never' };
  if (adapter.find === undefined) return { known: 'repeatable' };

  const answer = await adapter.find(uuidToPaymentId(payment.id), { signal });
  if (answer.outcome === 'found') return { known: 'found', emrTransactionId: answer.emrTransactionId };
  if (answer.outcome === 'unavailable') return { known: 'not_yet', trouble: answer };
  if (adapter.capability === 'conditional-create') return { known: 'repeatable' };
  const stillAtWorkMs = adapter.settleMs - unresolvedMs;
  if (stillAtWorkMs <= 0) return { known: 'absent' };
  return {
    known: 'not_yet',
    trouble: {
      code: SETTLING,
      detail: 'The EMR may still be at work on the request whose answer was lost.',
      retryAfterMs: Math.ceil(stillAtWorkMs),
    },
  };
}
