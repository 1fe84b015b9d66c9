import type { CallOptions, FindHints, FindOutcome } from '../../adapter.ts';
import { readAll } from './read.ts';
import { PaymentReconciliationSchema } from './resources.ts';
import type { FhirConnection } from './settings.ts';

/**
 * Searches for the entry that carries our payment id. If there are several, the earliest is returned: the payment has
 * been posted, and nothing may be sent again. An entry that a person has voided counts as found too.
 */
export async function findPosting(
  connection: FhirConnection,
  { paymentId }: Pick<FindHints, 'paymentId'>,
  { signal }: CallOptions,
): Promise<FindOutcome> {
  const system = connection.settings.payment_identifier_system;
  const query = new URLSearchParams({ identifier: `${system}|${paymentId}` });
  const result = await readAll(connection, {
    path: `PaymentReconciliation?${query}`,
    schema: PaymentReconciliationSchema,
    signal,
  });
  if (!result.ok) return { outcome: 'unavailable', ...result.trouble };

  const ours = result.value.filter(({ identifier = [] }) =>
    identifier.some((each) => each.system === system && each.value === paymentId),
  );
  const [earliest] = ours.sort(
    (a, b) =>
      (a.created ?? '').localeCompare(b.created ?? '') || a.id.localeCompare(b.id, 'en', { numeric: true }),
  );
  if (earliest !== undefined) return { outcome: 'found', emrTransactionId: earliest.id };
  if (result.value.length === 0) return { outcome: 'absent' };
  // Only other payments came back: the EMR ignored our search parameter, so the answer proves nothing about our payment.
  return {
    outcome: 'unavailable',
    code: 'search_not_honoured',
    detail: 'The EMR does not search by identifier; the connection should have "search": false.',
  };
}
