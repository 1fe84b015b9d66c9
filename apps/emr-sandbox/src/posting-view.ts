import type { Entry } from './ledger.ts';
import type { Practice } from './practice.ts';

/** One posting in the words of emr-payments, for the page and for checkers. */
export type PostingView = {
  seq: number;
  emr_transaction_id: string;
  payment_id: string | null;
  received_at: string;
  patient_id: string;
  patient_mrn: string | null;
  amount: number;
  payment_method: string | null;
  reference_number: string | null;
  /** The practice's own number of the location, or its id where it has none. */
  location: string | null;
  location_name: string | null;
  notes: string | null;
  deposit_date: string | null;
  /** The dialect in which it came. */
  dialect: string;
};

export function viewPosting(
  { practice }: { practice: Practice },
  { seq, id, receivedAt, posting }: Entry,
): PostingView {
  const location = posting.locationId === null ? undefined : practice.locations.record(posting.locationId);
  return {
    seq,
    emr_transaction_id: id,
    payment_id: posting.paymentId,
    received_at: receivedAt,
    patient_id: posting.patientId,
    patient_mrn: practice.patients.record(posting.patientId)?.mrn ?? null,
    amount: Number(posting.amount),
    payment_method: practice.methods.get(posting.methodId ?? '')?.name ?? posting.methodName,
    reference_number: posting.reference,
    location: location?.identifiers[0] ?? location?.id ?? null,
    location_name: location?.name ?? null,
    notes: posting.notes,
    deposit_date: posting.depositDate,
    dialect: posting.dialect,
  };
}
