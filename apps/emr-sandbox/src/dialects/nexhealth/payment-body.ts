import { type Entry, numberInId } from '../../ledger.ts';
import type { Practice } from '../../practice.ts';
import { NAME } from './name.ts';

/** Ids of rows that somebody has deleted in the EMR, and when. */
export type Deleted = ReadonlyMap<string, string>;

/** The vendor's own part of an entry, as the ledger file keeps it. */
export type PaymentDocument = { transaction_id: string };

/** The id that the sender gave; null for an entry that did not come through NexHealth. */
export function transactionIdOf({ posting, document }: Entry): string | null {
  if (posting.dialect !== NAME || document === null) return null;
  return (JSON.parse(document) as PaymentDocument).transaction_id;
}

/** Decimal text with two places and the other sign: the ledger has money taken as positive, NexHealth as negative. */
function opposite(amount: string): string {
  const cents = -Math.round(Number(amount) * 100);
  return (cents / 100).toFixed(2);
}

/** One row of the EMR, in the form of `API_V20240412_Entities_Ledger_Payment` of the vendor's OpenAPI document. */
export function paymentBody(
  { practice, deleted }: { practice: Practice; deleted: Deleted },
  entry: Entry,
): object {
  const { id, receivedAt, posting } = entry;
  const patientId = practice.patients.numberOf(posting.patientId) ?? null;
  const deletedAt = deleted.get(id) ?? null;
  return {
    id: numberInId(id),
    foreign_id: id,
    location_id: practice.locations.numberOf(posting.locationId ?? '') ?? null,
    patient_id: patientId,
    guarantor_id: patientId,
    provider_id: null,
    updated_at: deletedAt ?? receivedAt,
    description: posting.notes,
    deleted_at: deletedAt,
    payment_amount: { amount: opposite(posting.amount), currency: 'USD' },
    paid_at: posting.depositDate,
    transaction_id: transactionIdOf(entry),
    charge_id: null,
    claim_id: null,
    payment_plan_id: null,
    insurance_plan_id: null,
    payment_type_id: practice.methods.numberOf(posting.methodId ?? '') ?? null,
  };
}
