import type { CallOptions, FindOutcome } from '../../adapter.ts';
import { readAll } from './read.ts';
import { PaymentSchema } from './resources.ts';
import type { FhirConnection } from './settings.ts';

/**
 * Looks for the entry that carries our payment id. Of several the earliest is named: the payment is there, and
 * nothing may be sent again. An entry that a person has voided counts as found too.
 */
export async function findPayment(
  connection: FhirConnection,
  paymentId: string,
  { signal }: CallOptions,
): Promise<FindOutcome> {
  const system = connection.settings.payment_identifier_system;
  const query = new URLSearchParams({ identifier: `${system}|${paymentId}` });
  const result = await readAll(connection, {
    path: `PaymentReconciliation?${query}`,
    schema: PaymentSchema,
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
  // Other payments came back: the search was not by our id, so it says nothing about ours.
  return {
    outcome: 'unavailable',
    code: 'search_not_honoured',
    detail: 'The EMR does not search by identifier; the connection should have "search": false.',
  };
}
