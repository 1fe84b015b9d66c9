import type { Entry } from '../../ledger.ts';
import type { Practice } from '../../practice.ts';

/** One posting in the words of emr-payments, for people and for checkers. */
export type PostingView = {
  seq: number;
  emr_transaction_id: string;
  /** The first identifier that the sender gave: the payment id. */
  payment_id: string | null;
  received_at: string;
  patient_id: string;
  patient_mrn: string | null;
  amount: number;
  payment_method: string | null;
  reference_number: string | null;
  location: string | null;
  location_name: string | null;
  notes: string | null;
  deposit_date: string;
};

type Stored = {
  paymentIssuer: { reference: string };
  amount: { value: number };
  method?: { coding?: { code?: string; display?: string }[] };
  referenceNumber?: string;
  location?: { reference: string };
  processNote?: { text?: string }[];
  date: string;
};

const idOf = (reference: string) => reference.slice(reference.lastIndexOf('/') + 1);

export function viewPosting(entry: Entry, practice: Practice): PostingView {
  const stored = JSON.parse(entry.json) as Stored;
  const patientId = idOf(stored.paymentIssuer.reference);
  const location =
    stored.location === undefined ? undefined : practice.locations.get(idOf(stored.location.reference));
  const coding = stored.method?.coding?.[0];
  const notes = stored.processNote?.map(({ text }) => text).filter((text) => text !== undefined) ?? [];
  return {
    seq: entry.seq,
    emr_transaction_id: entry.id,
    payment_id: entry.identifiers[0]?.value ?? null,
    received_at: entry.lastUpdated,
    patient_id: patientId,
    patient_mrn: practice.patients.get(patientId)?.identifier?.[0]?.value ?? null,
    amount: stored.amount.value,
    payment_method: practice.methods.get(coding?.code ?? '') ?? coding?.display ?? null,
    reference_number: stored.referenceNumber ?? null,
    location: location?.identifier?.[0]?.value ?? location?.id ?? null,
    location_name: location?.name ?? null,
    notes: notes.length === 0 ? null : notes.join('\n'),
    deposit_date: stored.date,
  };
}
