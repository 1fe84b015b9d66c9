import { joined, sentence } from '@emr-payments/contracts';
import type { CallOptions } from '../calls.ts';
import type { Posting, PostOutcome } from '../posting.ts';
import type { FhirConnection } from './connection.ts';
import { readResource } from './read.ts';
import { carriesOurId, type Payment, paymentSchema } from './resources.ts';

/**
 * Compares an entry that the EMR says it has created for this send. An EMR that rounds an amount, or answers with the entry of another
 * payment, shows it here and nowhere else: the payment would be called posted.
 */
export function confirmCreated(
  { payments, settings }: Pick<FhirConnection, 'payments' | 'settings'>,
  { posting, id, entry }: { posting: Posting; id: string; entry: Payment },
): PostOutcome {
  const { payment_identifier_system: system } = settings;
  const ids = (entry.identifier ?? []).filter((each) => each.system === system && each.value !== undefined);
  const isAnother = ids.length > 0 && !carriesOurId(entry, { system, paymentId: posting.paymentId });
  const differences = [
    isAnother ? sentence`another payment id` : null,
    payments.contradictionOf(posting, entry),
  ].filter((each) => each !== null);
  if (differences.length === 0) return { outcome: 'posted', emrTransactionId: id };
  return { outcome: 'differs', emrTransactionId: id, difference: joined(differences, ' and ') };
}

/**
 * Compares an entry that a conditional create found with the payment: the EMR may have found it by less than our key. When
 * the answer did not hold the entry, it is read by its id below our base URL, whatever address the EMR gave.
 *
 * @returns when it cannot be read: `accepted` when the EMR said that it took the request and the entry is to come, otherwise
 *   `unknown`, and the next try asks again.
 */
export async function confirmExisting(
  connection: FhirConnection,
  { posting, id, entry, toCome }: { posting: Posting; id: string; entry: Payment | null; toCome: boolean },
  { signal }: CallOptions,
): Promise<PostOutcome> {
  const { payments } = connection;
  const path = `${payments.type}/${encodeURIComponent(id)}`;
  const read =
    entry === null
      ? await readResource(connection, { path, schema: paymentSchema(payments.type), signal })
      : { ok: true as const, value: entry };
  if (!read.ok) {
    if (toCome) {
      const detail = sentence`The EMR accepted the request. The entry that it named cannot be read yet.`;
      return { outcome: 'accepted', detail };
    }
    const detail = sentence`The EMR says that it has the payment, but its entry cannot be read. ${read.trouble.detail}`;
    return { outcome: 'unknown', ...read.trouble, code: 'entry_unreadable', detail };
  }
  const system = connection.settings.payment_identifier_system;
  const difference = carriesOurId(read.value, { system, paymentId: posting.paymentId })
    ? payments.differenceOf(posting, read.value)
    : read.value.identifier === undefined
      ? sentence`no readable payment id`
      : sentence`another payment id`;
  if (difference === null) return { outcome: 'posted', emrTransactionId: id };
  return { outcome: 'differs', emrTransactionId: id, difference };
}
