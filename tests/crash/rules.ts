import type { Asked, LedgerEntry, Received, Stored, Transition } from './records.ts';

export type Rule =
  | 'acknowledged payment is lost'
  | 'acknowledged payment is not settled'
  | 'payment is stuck'
  | 'two ledger entries for one payment'
  | 'failed payment is in the ledger'
  | 'posted payment is not in the ledger'
  | 'payment failed without a reason to'
  | 'payment needs a review although its EMR can be asked'
  | 'wrong transaction id'
  | 'ledger entry differs from what was asked'
  | 'ledger entry that nobody asked for'
  | 'event is missing'
  | 'event differs from what happened'
  | 'two events for one payment'
  | 'event that nobody asked for'
  | 'event is not signed by us'
  | 'state transition that the diagram does not have'
  | 'one key, two payments'
  | 'replay is not told as one'
  | 'answer that no client should get'
  | 'process ended by itself';

export type Violation = { rule: Rule; subject: string; detail: string };

/** What the checker reads of an event's body; '' and null where it says nothing. */
export type EventBody = {
  id: string;
  type: string;
  jobId: string;
  paymentId: string;
  transactionId: string | null;
  reference: string | null;
  amount: number | null;
};

/** All that the records say about one payment. */
export type Case = {
  asked: Asked;
  /** The ids that its client was answered; one, when all is well. */
  answeredIds: readonly string[];
  stored: readonly Stored[];
  entries: readonly LedgerEntry[];
  events: readonly (Received & { event: EventBody })[];
  transitions: readonly Transition[];
};

export type Complain = (rule: Rule, subject: string, detail: string) => void;
