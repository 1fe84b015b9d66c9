import type { ResolvePaymentBody } from '@emr-payments/contracts';
import type { Resolution } from '@emr-payments/db';

export type ReadResolution =
  | { outcome: 'resolution'; resolution: Resolution }
  | { outcome: 'invalid'; field: 'emr_transaction_id'; rule: string };

/** What a schema of one object cannot say in a sentence that names the field: the EMR's id goes with `posted` alone. */
export function resolutionFrom({ outcome, emr_transaction_id }: ResolvePaymentBody): ReadResolution {
  const invalid = (rule: string): ReadResolution => ({
    outcome: 'invalid',
    field: 'emr_transaction_id',
    rule,
  });
  if (outcome === 'posted') {
    return emr_transaction_id === undefined
      ? invalid('must be given when the outcome is posted')
      : { outcome: 'resolution', resolution: { outcome, emrTransactionId: emr_transaction_id } };
  }
  return emr_transaction_id === undefined
    ? { outcome: 'resolution', resolution: { outcome } }
    : invalid('must not be given when the outcome is not_posted');
}
